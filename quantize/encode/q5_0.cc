#include "quantize/encode/q5_0.h"

#include "formats/codec/q5_0.h"
#include "quantize/encode/legacy_signed.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q5_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_signed-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Stores 32 codes.
HWY_INLINE void PackQ5_0(const uint8_t* codes, BlockQ5_0& block) {
  PackNibbles(codes, block.qs);
  block.qh = FifthBits(codes);
}

void EncodeQ5_0Impl(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ5_0*>(out);
  if (weights != nullptr) {
    EncodeLegacyWeighted<16, BlockQ5_0, PackQ5_0>(rows, num_rows, columns, weights, blocks);
  } else {
    EncodeLegacyPlain<16, BlockQ5_0, PackQ5_0>(rows, num_rows * columns / kLegacyValues, blocks);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

namespace {

constexpr size_t kValues = BlockQ5_0::kValues;

void Pack(const uint8_t* codes, BlockQ5_0& block) {
  uint32_t qh = 0;
  for (size_t i = 0; i < kValues; ++i) qh |= static_cast<uint32_t>(codes[i] >> 4) << i;
  block.qh = qh;
  for (size_t j = 0; j < 16; ++j) block.qs[j] = (codes[j] & 15) | (codes[j + 16] & 15) << 4;
}

}  // namespace

void EncodeQ5_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  EncodeLegacySigned<16>(rows, num_rows, columns, weights, reinterpret_cast<BlockQ5_0*>(out), Pack);
}

HWY_EXPORT(EncodeQ5_0Impl);

void EncodeQ5_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ5_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
