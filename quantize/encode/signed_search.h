// Scalar search for the scale of types without a minimum: x ~ scale * (code - nmax).
//
// These define the bytes; signed_search-inl.h does the same for one block per SIMD lane. All
// arithmetic is binary32 without contraction, sums run in element order, products from left to
// right (spec: the searches make_qx_quants and make_q3_quants of ggml, August 2026).

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quantize/encode/rounding.h"

namespace gguf {

// Blocks whose largest magnitude is below this have scale 0 and codes 0 (sic: not nmax).
inline constexpr float kTinyMagnitude = 1e-15f;

inline int32_t ClampCode(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : (value > high ? high : value);
}

// The first of the elements with the largest magnitude, with its sign; 0 when all are zero.
float FirstLargest(const float* x, size_t num_values);

// The weight of an element with importance `importance` in a row or block with mean square sigma2.
inline float ImportanceWeight(float importance, float sigma2, float x) {
  return importance * std::sqrt(sigma2 + x * x);
}

// x[0] * x[0] + x[1] * x[1] + ..., in this order.
float SumOfSquares(const float* x, size_t num_values);

// Tries 19 scales around nmax / max |x| and keeps the one with the largest (sum w*x*l)^2 / sum
// w*l*l. Weights are x*x when `weights` is null. Codes are 0..2*nmax-1. Returns the scale.
float SearchSigned(size_t num_values, int nmax, const float* x, const float* weights,
                   uint8_t* codes);

// 16 values, codes 0..7 around 4, weights x*x: starts from one rounding, then moves one code at a
// time to its optimum given the others, at most five passes. Returns the scale.
float SearchSignedByDescent(const float* x, uint8_t* codes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_H_
