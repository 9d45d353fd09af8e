// Ternary codes of a scale, and those of Q2_0, and their bytes, for the scalar references.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

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

// v rounded to -1, 0 or 1, halves away from zero, and limited to that.
inline int Trit(float v) { return (v >= 0.5f ? 1 : 0) - (v <= -0.5f ? 1 : 0); }

// ---- Bytes of TQ1_0

// Five digits, all 1: (81 + 27 + 9 + 3 + 1).
inline constexpr int kTritsMiddle = 121;

// ceil(q * 256 / 243) is (q * kTritsFactor + kTritsOffset) >> kTritsShift for five digits q.
inline constexpr int kTritsFactor = 8631;
inline constexpr int kTritsOffset = 8100;
inline constexpr int kTritsShift = 13;

constexpr bool TritsFractionIsExact() {
  for (int q = 0; q < 243; ++q) {
    if ((q * 256 + 242) / 243 != (q * kTritsFactor + kTritsOffset) >> kTritsShift) return false;
  }
  return true;
}
static_assert(TritsFractionIsExact(), "the quotient of every byte");

// The byte of num_digits digits, `stride` values apart.
inline uint8_t TritsByte(const float* x, float inverse, int num_digits, int stride) {
  int sum = 0;
  for (int n = 0; n < 5; ++n) {
    sum = 3 * sum + (n < num_digits ? Trit(x[n * stride] * inverse) + 1 : 0);
  }
  return static_cast<uint8_t>((sum * 256 + 242) / 243);
}

// The 48 + 4 bytes of 256 values by the inverse of their scale.
inline void StoreTQ1_0(const float* x, float inverse, uint8_t* qs, uint8_t* qh) {
  for (int j = 0; j < 32; ++j) qs[j] = TritsByte(x + j, inverse, 5, 32);
  for (int j = 0; j < 16; ++j) qs[32 + j] = TritsByte(x + 160 + j, inverse, 5, 16);
  for (int j = 0; j < 4; ++j) qh[j] = TritsByte(x + 240 + j, inverse, 4, 4);
}

// ---- Bytes of TQ2_0

// The 64 bytes of 256 values by the inverse of their scale.
inline void StoreTQ2_0(const float* x, float inverse, uint8_t* qs) {
  for (int i = 0; i < 64; ++i) {
    const float* q = x + i / 32 * 128 + i % 32;
    int byte = 0;
    for (int c = 0; c < 4; ++c) byte |= (Trit(q[32 * c] * inverse) + 1) << (2 * c);
    qs[i] = static_cast<uint8_t>(byte);
  }
}

// ---- Bytes of Q2_0

// The 16 bytes of 64 values by the inverse of their scale: codes for -1, 0, 1 and 2.
inline void StoreQ2_0(const float* x, float inverse, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) {
    int byte = 0;
    for (int c = 0; c < 4; ++c) {
      const float v = x[4 * i + c] * inverse;
      byte |= (Trit(v) + (v >= 1.5f ? 2 : 1)) << (2 * c);
    }
    qs[i] = static_cast<uint8_t>(byte);
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_H_
