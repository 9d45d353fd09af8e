#include "quantize/encode/q4_1.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q4_1.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_affine-inl.h"
#include "quantize/encode/legacy_pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeQ4_1Rows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  if (weights == nullptr) {
    EncodePlainLegacyRows<Q4_1Shape, Q4_1Packer>(rows, num_rows * (columns / kLegacyValues), out);
    return;
  }
  EncodeImportantLegacyRows<Q4_1Shape, Q4_1Packer>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeQ4_1Rows);

void EncodeQ4_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ4_1Rows)(rows, num_rows, columns, weights, out);
}

void EncodeQ4_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ4_1* blocks = reinterpret_cast<BlockQ4_1*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    EncodeLegacyRow<Q4_1Shape>(rows + row * columns, columns, weights,
                               blocks + row * (columns / kLegacyValues));
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
