#include "quantize/encode/q4_0.h"

#include <cmath>

#include "formats/codec/q4_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

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

namespace {

constexpr size_t kValues = BlockQ4_0::kValues;

void EncodePlainBlock(const float* x, BlockQ4_0& block) {
  const float d = FirstLargest(x, kValues) / -8.0f;
  const float id = d != 0.0f ? 1.0f / d : 0.0f;
  block.d = F32ToF16(d);
  uint8_t codes[kValues];
  for (size_t i = 0; i < kValues; ++i) {
    // The inverse of a subnormal d can be infinite; its codes are 0.
    const int code = std::isinf(id) ? 0 : static_cast<int>(x[i] * id + 8.5f);
    codes[i] = static_cast<uint8_t>(code < 15 ? code : 15);
  }
  for (size_t j = 0; j < 16; ++j) block.qs[j] = codes[j] | codes[j + 16] << 4;
}

void EncodeWeightedBlock(const float* x, const float* weights, float sigma2, BlockQ4_0& block) {
  float w[kValues];
  for (size_t i = 0; i < kValues; ++i) w[i] = ImportanceWeight(weights[i], sigma2, x[i]);
  uint8_t codes[kValues];
  block.d = F32ToF16(SearchSigned(kValues, 8, x, w, codes));
  for (size_t j = 0; j < 16; ++j) block.qs[j] = codes[j] | codes[j + 16] << 4;
}

}  // namespace

void EncodeQ4_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* block = reinterpret_cast<BlockQ4_0*>(out);
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

HWY_EXPORT(EncodeQ4_0Impl);

void EncodeQ4_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ4_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
