// What Q4_1 and Q5_1 have in common: blocks of 32 values with a binary16 scale and minimum.
//
// EncodeLegacyRow defines the bytes; legacy_affine-inl.h does the same for one block per SIMD lane
// (spec: the quantizers of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_H_

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "formats/codec/q4_1.h"
#include "formats/codec/q5_1.h"
#include "gguf/base/float16.h"
#include "quantize/encode/affine_search.h"

namespace gguf {

inline constexpr size_t kLegacyValues = 32;

struct Q4_1Shape {
  using Block = BlockQ4_1;
  static constexpr int kMaxCode = 15;

  static void PackCodes(const uint8_t* codes, Block& block) {
    for (int j = 0; j < 16; ++j) {
      block.qs[j] = static_cast<uint8_t>(codes[j] | codes[j + 16] << 4);
    }
  }
};

struct Q5_1Shape {
  using Block = BlockQ5_1;
  static constexpr int kMaxCode = 31;

  static void PackCodes(const uint8_t* codes, Block& block) {
    uint32_t fifth_bits = 0;
    for (int j = 0; j < 32; ++j) fifth_bits |= static_cast<uint32_t>(codes[j] >> 4) << j;
    block.qh = fifth_bits;
    for (int j = 0; j < 16; ++j) {
      block.qs[j] = static_cast<uint8_t>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
    }
  }
};

// Without importance: the range of the values, divided evenly. Rounds by adding 0.5 and truncating.
template <class Shape>
void EncodePlainLegacyBlock(const float* x, typename Shape::Block& block) {
  constexpr float kMaxCode = static_cast<float>(Shape::kMaxCode);
  float min = FLT_MAX;
  float max = -FLT_MAX;
  for (size_t i = 0; i < kLegacyValues; ++i) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  const float d = (max - min) / kMaxCode;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  uint8_t codes[kLegacyValues];
  for (size_t i = 0; i < kLegacyValues; ++i) {
    // Infinite or not a number when d is subnormal or overflowed: code 0.
    const float code = (x[i] - min) * inverse + 0.5f;
    codes[i] = !(code < FLT_MAX) ? 0
               : code > kMaxCode ? Shape::kMaxCode
                                 : static_cast<uint8_t>(code);
  }
  block.d = F32ToF16(d);
  block.m = F32ToF16(min);
  Shape::PackCodes(codes, block);
}

// With importance; sigma2 is the mean square of the whole row.
template <class Shape>
void EncodeImportantLegacyBlock(const float* x, const float* importance, float sigma2,
                                typename Shape::Block& block) {
  float weights[kLegacyValues];
  for (size_t i = 0; i < kLegacyValues; ++i) {
    weights[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
  }
  uint8_t codes[kLegacyValues];
  const AffineFit fit =
      FitAffine(GridOf<WeightedAffineSearch<Shape::kMaxCode>>(), kLegacyValues, x, weights, codes);
  block.d = F32ToF16(fit.scale);
  block.m = F32ToF16(-fit.minimum);
  Shape::PackCodes(codes, block);
}

template <class Shape>
void EncodeLegacyRow(const float* x, size_t columns, const float* importance,
                     typename Shape::Block* blocks) {
  float sigma2 = 0.0f;
  if (importance != nullptr) {
    for (size_t i = 0; i < columns; ++i) sigma2 += x[i] * x[i];
    sigma2 /= static_cast<float>(columns);
  }
  for (size_t b = 0; b < columns / kLegacyValues; ++b) {
    const size_t first = b * kLegacyValues;
    if (importance != nullptr) {
      EncodeImportantLegacyBlock<Shape>(x + first, importance + first, sigma2, blocks[b]);
    } else {
      EncodePlainLegacyBlock<Shape>(x + first, blocks[b]);
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_AFFINE_H_
