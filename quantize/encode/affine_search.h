// Scalar search for scale and minimum of one block: x ~ scale * code - minimum.
//
// This defines the bytes; affine_search-inl.h does the same for one block per SIMD lane. All
// arithmetic is binary32 without contraction, sums run in element order, products from left to
// right (spec: the searches make_qkx2_quants and make_qkx3_quants of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

// Which scales are tried: the inverse of number i is (kFirst + kStep * i + kMaxCode) / (max -
// offset) for i = 0 .. kLastStep, with the offset of the best fit so far (at first the smallest
// value, if negative). Each search is a type, so that the loops know the constants.
template <int kMaxCode_>
struct WeightedAffineSearch {
  static constexpr int kMaxCode = kMaxCode_;
  static constexpr float kFirst = -0.9f;
  static constexpr float kStep = 0.05f;
  static constexpr int kLastStep = 36;
  static constexpr bool kAbsoluteError = false;  // true: weighted |error| instead of error^2
};

struct PlainAffineSearch2Bit {
  static constexpr int kMaxCode = 3;
  static constexpr float kFirst = -0.5f;
  static constexpr float kStep = 0.1f;
  static constexpr int kLastStep = 15;
  static constexpr bool kAbsoluteError = true;
};

struct PlainAffineSearch4Bit {
  static constexpr int kMaxCode = 15;
  static constexpr float kFirst = -1.0f;
  static constexpr float kStep = 0.1f;
  static constexpr int kLastStep = 20;
  static constexpr bool kAbsoluteError = false;
};

struct PlainAffineSearch5Bit {
  static constexpr int kMaxCode = 31;
  static constexpr float kFirst = -0.5f;
  static constexpr float kStep = 0.1f;
  static constexpr int kLastStep = 15;
  static constexpr bool kAbsoluteError = false;
};

struct AffineGrid {
  int max_code;
  float first;
  float step;
  int last_step;
  bool absolute_error;
};

template <class Search>
constexpr AffineGrid GridOf() {
  return {Search::kMaxCode, Search::kFirst, Search::kStep, Search::kLastStep,
          Search::kAbsoluteError};
}

struct AffineFit {
  float scale;
  float minimum;  // >= 0, or -0.0
};

// Minimizes the weighted error over the scales of `grid`; the minimum is refitted along the way.
// Writes one code per value. Blocks without a positive range have scale 0 and codes 0.
AffineFit FitAffine(const AffineGrid& grid, size_t num_values, const float* x, const float* weights,
                    uint8_t* codes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_H_
