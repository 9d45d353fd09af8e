// Ternary codes of a scale, for the scalar references.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_

#include <cmath>
#include <cstddef>

namespace gguf {

inline float LargestMagnitude(const float* x, size_t num_values) {
  float largest = 0.0f;
  for (size_t i = 0; i < num_values; ++i) largest = std::fmax(largest, std::fabs(x[i]));
  return largest;
}

// 1 / d, or 0 where that is infinite: for zero, and for d below 2^-128.
inline float InverseOrZero(float d) {
  const float inverse = 1.0f / d;
  return std::isinf(inverse) ? 0.0f : inverse;
}

// v rounded to -1, 0 or 1, halves away from zero; |v| < 1.5.
inline int Trit(float v) { return static_cast<int>(std::lround(v)); }

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_
