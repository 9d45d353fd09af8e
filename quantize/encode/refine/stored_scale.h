// Scales and minimums as they are stored: rounding to binary16 and to integers, kept as floats.
//
// stored_scale-inl.h does the same for vectors.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_H_

#include <cmath>
#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

inline constexpr float kF16Max = 65504.0f;

// v rounded to binary16, for v >= 0; above kF16Max something larger than that.
inline float RoundToF16(float v) {
  if (v < 6.103515625e-05f) return (v + 0.5f) - 0.5f;  // a subnormal, multiple of 2^-24
  const uint32_t bits = BitsOf(v);
  return FloatOf((bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu);
}

// The same for both signs.
inline float RoundSignedToF16(float v) { return std::copysign(RoundToF16(std::fabs(v)), v); }

// The nearest integer, for |v| <= 4194303; ties to even.
inline float RoundToInteger(float v) { return (v + 12582912.0f) - 12582912.0f; }

// v limited to low .. high; low for a NaN.
inline float Limit(float v, float low, float high) {
  const float above = v > low ? v : low;
  return above < high ? above : high;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_H_
