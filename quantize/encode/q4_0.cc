#include "quantize/encode/q4_0.h"

#include "formats/codec/q4_0.h"
#include "quantize/encode/legacy_signed.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q4_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_signed-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Stores 32 codes.
HWY_INLINE void PackQ4_0(const uint8_t* codes, BlockQ4_0& block) { PackNibbles(codes, block.qs); }

void EncodeQ4_0Impl(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ4_0*>(out);
  if (weights != nullptr) {
    EncodeLegacyWeighted<8, BlockQ4_0, PackQ4_0>(rows, num_rows, columns, weights, blocks);
  } else {
    EncodeLegacyPlain<8, BlockQ4_0, PackQ4_0>(rows, num_rows * columns / kLegacyValues, blocks);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ4_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  EncodeLegacySigned<8>(rows, num_rows, columns, weights, reinterpret_cast<BlockQ4_0*>(out),
                        [](const uint8_t* codes, BlockQ4_0& block) {
                          for (size_t j = 0; j < 16; ++j) {
                            block.qs[j] = static_cast<uint8_t>(codes[j] | codes[j + 16] << 4);
                          }
                        });
}

HWY_EXPORT(EncodeQ4_0Impl);

void EncodeQ4_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ4_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
