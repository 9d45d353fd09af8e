// The nearest E2M1 magnitude without a search, for measuring how well a scale fits.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

// Levels are spaced by one unit below four units, then by two and four: of a number with the
// exponent bits of `v`, halved, and 1.5 * 2^23 such spacings are added and subtracted to round it.
inline constexpr uint32_t kFp4ExponentMask = 0x7F800000u;
inline constexpr uint32_t kFp4RoundingOffset = (22u << 23) + 0x00400000u;
inline constexpr float kLargestFp4Level = 12.0f;

// The nearest of unit * {0, 1, 2, 3, 4, 6, 8, 12} to v, 0 <= v < 2^100; either of two equally near.
// `unit` is a power of two.
inline float NearestFp4Level(float v, float unit) {
  const float at_least = 2.0f * unit;
  const uint32_t exponent = BitsOf(v > at_least ? v : at_least) & kFp4ExponentMask;
  const float rounding = FloatOf(exponent + kFp4RoundingOffset);
  const float level = (v + rounding) - rounding;
  return level < kLargestFp4Level * unit ? level : kLargestFp4Level * unit;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_H_
