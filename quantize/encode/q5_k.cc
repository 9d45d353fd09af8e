#include "quantize/encode/q5_k.h"

#include <cstddef>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q5_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"
#include "quantize/encode/k_pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeQ5_KRows(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  EncodeKRows<Q5_KShape, Q5_KPacker>(rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(EncodeQ5_KRows);

void EncodeQ5_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ5_KRows)(rows, num_rows, columns, weights, out);
}

void EncodeQ5_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ5_K* block = reinterpret_cast<BlockQ5_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q5_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      Q5_KShape::PackCodes(codes, *block++);
    }
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
