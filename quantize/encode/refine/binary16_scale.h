// Scales as they are stored: rounded to binary16 and finite.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_H_

#include "gguf/base/float16.h"

namespace gguf {

inline constexpr float kLargestBinary16 = 65504.0f;

// v >= 0 rounded to binary16 (nearest even), at most 65504; NaN gives 65504.
inline float Binary16Scale(float v) {
  return F16ToF32(F32ToF16(v < kLargestBinary16 ? v : kLargestBinary16));
}

// Without an integer conversion: adding and subtracting 1.5 * 2^13 times the power of two below v
// leaves 11 significant bits, 0.75 leaves multiples of 2^-24.
inline constexpr uint32_t kBinary16ExponentMask = 0x7F800000u;
inline constexpr uint32_t kBinary16RoundingOffset = (13u << 23) + 0x00400000u;
inline constexpr float kBinary16LeastRounding = 0.75f;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_H_
