// What Q2_K, Q4_K and Q5_K have in common: 256 values in sub-blocks, each with a scale and a
// minimum that are themselves small integers times a binary16 of the block.
//
// EncodeKBlock defines the bytes; k_affine-inl.h does the same for one block per SIMD lane (spec:
// the quantizers of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "formats/codec/k_scales.h"
#include "formats/codec/q2_k.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q5_k.h"
#include "gguf/base/float16.h"
#include "quantize/encode/affine_search.h"
#include "quantize/encode/positive_search.h"
#include "quantize/encode/rounding.h"

namespace gguf {

// Eight pairs of codes into 12 bytes of 6 bits each (formats/codec/k_scales.h reads them). A code
// beyond 63 (from a negative scale, only in rows of which next to nothing is left after rounding)
// spills into its neighbours as it does in ggml.
inline void PackKScales(const uint8_t* scales, const uint8_t* minimums, uint8_t* packed) {
  for (int j = 0; j < 4; ++j) {
    packed[j] = static_cast<uint8_t>(scales[j] | (scales[j + 4] >> 4) << 6);
    packed[j + 4] = static_cast<uint8_t>(minimums[j] | (minimums[j + 4] >> 4) << 6);
    packed[j + 8] = static_cast<uint8_t>((scales[j + 4] & 15) | (minimums[j + 4] & 15) << 4);
  }
}

// The shapes: everything in which the three types differ, except the order of the code bits.
struct Q2_KShape {
  using Block = BlockQ2_K;
  using PlainSearch = PlainAffineSearch2Bit;
  using WeightedSearch = WeightedAffineSearch<3>;
  static constexpr size_t kSubBlocks = 16;
  static constexpr size_t kSubValues = 16;
  static constexpr int kMaxSubCode = 15;
  static constexpr float kSigma2Factor = 1.0f;        // of the mean square, with weights
  static constexpr bool kPlainWeightHasMean = false;  // |x| instead of sqrt(mean x*x) + |x|
  static constexpr bool kLimitPlain = false;          // sub-codes to kMaxSubCode, without weights
  static constexpr bool kLimitWeighted = false;       // and with

  static void PackSubCodes(const uint8_t* scales, const uint8_t* minimums, Block& block) {
    for (int j = 0; j < 16; ++j) {
      block.scales[j] = static_cast<uint8_t>(scales[j] | minimums[j] << 4);
    }
  }
  static void PackCodes(const uint8_t* codes, Block& block) {
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 32; ++i) {
        const uint8_t* c = codes + 128 * half + i;
        block.qs[32 * half + i] = static_cast<uint8_t>(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
      }
    }
  }
  static int SubScale(const Block& block, int j) { return block.scales[j] & 15; }
  static int SubMinimum(const Block& block, int j) { return block.scales[j] >> 4; }
};

struct Q4_KShape {
  using Block = BlockQ4_K;
  using PlainSearch = PlainAffineSearch4Bit;
  using WeightedSearch = WeightedAffineSearch<15>;
  static constexpr size_t kSubBlocks = 8;
  static constexpr size_t kSubValues = 32;
  static constexpr int kMaxSubCode = 63;
  static constexpr float kSigma2Factor = 2.0f;
  static constexpr bool kPlainWeightHasMean = true;
  static constexpr bool kLimitPlain = true;
  static constexpr bool kLimitWeighted = false;

  static void PackSubCodes(const uint8_t* scales, const uint8_t* minimums, Block& block) {
    PackKScales(scales, minimums, block.scales);
  }
  static void PackCodes(const uint8_t* codes, Block& block) {
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < 32; ++i) {
        const uint8_t* c = codes + 64 * g + i;
        block.qs[32 * g + i] = static_cast<uint8_t>(c[0] | c[32] << 4);
      }
    }
  }
  static int SubScale(const Block& block, int j) { return KScale(block.scales, j); }
  static int SubMinimum(const Block& block, int j) { return KMinimum(block.scales, j); }
};

struct Q5_KShape {
  using Block = BlockQ5_K;
  using PlainSearch = PlainAffineSearch5Bit;
  using WeightedSearch = WeightedAffineSearch<31>;
  static constexpr size_t kSubBlocks = 8;
  static constexpr size_t kSubValues = 32;
  static constexpr int kMaxSubCode = 63;
  static constexpr float kSigma2Factor = 2.0f;
  static constexpr bool kPlainWeightHasMean = true;
  static constexpr bool kLimitPlain = true;
  static constexpr bool kLimitWeighted = true;

  static void PackSubCodes(const uint8_t* scales, const uint8_t* minimums, Block& block) {
    PackKScales(scales, minimums, block.scales);
  }
  static void PackCodes(const uint8_t* codes, Block& block) {
    for (int i = 0; i < 32; ++i) {
      int fifth_bits = 0;
      for (int j = 0; j < 8; ++j) fifth_bits |= (codes[32 * j + i] >> 4) << j;
      block.qh[i] = static_cast<uint8_t>(fifth_bits);
    }
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < 32; ++i) {
        const uint8_t* c = codes + 64 * g + i;
        block.qs[32 * g + i] = static_cast<uint8_t>((c[0] & 15) | (c[32] & 15) << 4);
      }
    }
  }
  static int SubScale(const Block& block, int j) { return KScale(block.scales, j); }
  static int SubMinimum(const Block& block, int j) { return KMinimum(block.scales, j); }
};

inline constexpr size_t kKValues = 256;

// The weights of the values of sub-block `x`, without importance.
template <class Shape>
void PlainKWeights(const float* x, float* weights) {
  constexpr size_t kValues = Shape::kSubValues;
  float mean = 0.0f;
  if (Shape::kPlainWeightHasMean) {
    float sum = 0.0f;
    for (size_t i = 0; i < kValues; ++i) sum += x[i] * x[i];
    mean = std::sqrt(sum / static_cast<float>(kValues));
  }
  for (size_t i = 0; i < kValues; ++i) {
    const float magnitude = std::fabs(x[i]);
    weights[i] = Shape::kPlainWeightHasMean ? mean + magnitude : magnitude;
  }
}

// The weights of all values of a block, with importance.
template <class Shape>
void ImportantKWeights(const float* x, const float* importance, float* weights) {
  float sum = 0.0f;
  for (size_t i = 0; i < kKValues; ++i) sum += x[i] * x[i];
  const float sigma2 = Shape::kSigma2Factor * sum / static_cast<float>(kKValues);
  for (size_t i = 0; i < kKValues; ++i) {
    weights[i] = importance[i] * std::sqrt(sigma2 + x[i] * x[i]);
  }
}

// One sub-code per value of `fits` (non-negative) by dividing through the largest; returns the
// scale of the sub-codes.
template <class Shape>
float PlainSubCodes(const float* fits, uint8_t* codes) {
  constexpr float kMax = static_cast<float>(Shape::kMaxSubCode);
  float max = 0.0f;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) max = fits[j] > max ? fits[j] : max;
  const float inverse = max > 0.0f ? kMax / max : 0.0f;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    codes[j] = static_cast<uint8_t>(RoundByBits(inverse * fits[j]));
  }
  return max / kMax;
}

template <class Shape>
void LimitSubCodes(uint8_t* codes) {
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    if (codes[j] > Shape::kMaxSubCode) codes[j] = Shape::kMaxSubCode;
  }
}

// Rounds the values again against the scales and minimums as they are stored. Sub-blocks whose
// stored scale is zero keep their codes.
template <class Shape>
void RequantizeK(const typename Shape::Block& block, const float* x, uint8_t* codes) {
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const float scale = d * static_cast<float>(Shape::SubScale(block, j));
    if (scale == 0.0f) continue;
    const float minimum = dmin * static_cast<float>(Shape::SubMinimum(block, j));
    for (size_t i = j * Shape::kSubValues; i < (j + 1) * Shape::kSubValues; ++i) {
      codes[i] =
          static_cast<uint8_t>(RoundToCode((x[i] + minimum) / scale, Shape::PlainSearch::kMaxCode));
    }
  }
}

// Fills everything of `block` but the bits of the codes, which are returned in `codes`, one per
// value. `importance` (256) may be null.
template <class Shape>
void EncodeKBlock(const float* x, const float* importance, typename Shape::Block& block,
                  uint8_t* codes) {
  constexpr size_t kSubBlocks = Shape::kSubBlocks;
  float weights[kKValues];
  float scales[kSubBlocks], minimums[kSubBlocks], weight_sums[kSubBlocks];
  if (importance != nullptr) ImportantKWeights<Shape>(x, importance, weights);
  for (size_t j = 0; j < kSubBlocks; ++j) {
    const size_t first = j * Shape::kSubValues;
    float* w = weights + first;
    if (importance == nullptr) PlainKWeights<Shape>(x + first, w);
    weight_sums[j] = 0.0f;
    for (size_t i = 0; i < Shape::kSubValues; ++i) weight_sums[j] += w[i];
    const AffineFit fit = FitAffine(importance != nullptr ? GridOf<typename Shape::WeightedSearch>()
                                                          : GridOf<typename Shape::PlainSearch>(),
                                    Shape::kSubValues, x + first, w, codes + first);
    scales[j] = fit.scale;
    minimums[j] = fit.minimum;
  }

  uint8_t scale_codes[kSubBlocks], minimum_codes[kSubBlocks];
  constexpr int kMax = Shape::kMaxSubCode;
  float d, dmin;
  if (importance != nullptr) {
    d = FitPositive(kSubBlocks, kMax, scales, weight_sums, scale_codes);
    dmin = FitPositive(kSubBlocks, kMax, minimums, weight_sums, minimum_codes);
  } else {
    d = PlainSubCodes<Shape>(scales, scale_codes);
    dmin = PlainSubCodes<Shape>(minimums, minimum_codes);
  }
  if (importance != nullptr ? Shape::kLimitWeighted : Shape::kLimitPlain) {
    LimitSubCodes<Shape>(scale_codes);
    LimitSubCodes<Shape>(minimum_codes);
  }
  Shape::PackSubCodes(scale_codes, minimum_codes, block);
  block.d = F32ToF16(d);
  block.dmin = F32ToF16(dmin);
  RequantizeK<Shape>(block, x, codes);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_K_AFFINE_H_
