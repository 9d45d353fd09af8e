#include "quantize/encode/q5_0.h"

#include <cmath>

#include "formats/codec/q5_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

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

void EncodePlainBlock(const float* x, BlockQ5_0& block) {
  const float d = FirstLargest(x, kValues) / -16.0f;
  const float id = d != 0.0f ? 1.0f / d : 0.0f;
  block.d = F32ToF16(d);
  uint8_t codes[kValues];
  for (size_t i = 0; i < kValues; ++i) {
    // The inverse of a subnormal d can be infinite; its codes are 0.
    const int code = std::isinf(id) ? 0 : static_cast<int>(x[i] * id + 16.5f);
    codes[i] = static_cast<uint8_t>(code < 31 ? code : 31);
  }
  Pack(codes, block);
}

void EncodeWeightedBlock(const float* x, const float* weights, float sigma2, BlockQ5_0& block) {
  float w[kValues];
  for (size_t i = 0; i < kValues; ++i) w[i] = ImportanceWeight(weights[i], sigma2, x[i]);
  uint8_t codes[kValues];
  block.d = F32ToF16(SearchSigned(kValues, 16, x, w, codes));
  Pack(codes, block);
}

}  // namespace

void EncodeQ5_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* block = reinterpret_cast<BlockQ5_0*>(out);
  for (size_t r = 0; r < num_rows; ++r) {
    const float* row = rows + r * columns;
    const float sigma2 =
        weights != nullptr ? SumOfSquares(row, columns) / static_cast<float>(columns) : 0.0f;
    for (size_t c = 0; c < columns; c += kValues) {
      if (weights != nullptr) {
        EncodeWeightedBlock(row + c, weights + c, sigma2, *block++);
      } else {
        EncodePlainBlock(row + c, *block++);
      }
    }
  }
}

HWY_EXPORT(EncodeQ5_0Impl);

void EncodeQ5_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ5_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
