// What MXFP4 and NVFP4 share: the nearest E2M1 code, and their scales from a largest magnitude.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "formats/codec/codebooks/fp4_e2m1_x2.h"
#include "gguf/base/float16.h"

namespace gguf {

// The code c with the least |Fp4E2m1X2(c) * half_scale - x| in binary32; of equal ones the lowest,
// so that -0 (code 8) is never chosen. x is finite, half_scale >= 0.
inline uint8_t NearestFp4(float x, float half_scale) {
  uint8_t best = 0;
  float least = std::fabs(static_cast<float>(Fp4E2m1X2(0)) * half_scale - x);
  for (uint8_t code = 1; code < 16; ++code) {
    const float distance = std::fabs(static_cast<float>(Fp4E2m1X2(code)) * half_scale - x);
    if (distance < least) {
      least = distance;
      best = code;
    }
  }
  return best;
}

// The codes of 2 * count values, two to a byte: value j in the low nibble of byte j, value j +
// count in the high one.
inline void StoreFp4Pairs(const float* x, size_t count, float half_scale, uint8_t* qs) {
  for (size_t j = 0; j < count; ++j) {
    qs[j] = static_cast<uint8_t>(NearestFp4(x[j], half_scale) | NearestFp4(x[j + count], half_scale)
                                                                    << 4);
  }
}

// floorf(log2f(x)) + 127 for a normal float x > 0; 0 for zero and subnormals.
//
// log2f rounds to nearest: up to 44 floats below a power of two 2^k it already gives k. How many
// depends on the spacing of floats below k alone, and is spelled out here so that the bytes do not
// depend on a library: j floats below 2^k count when j * 2^-24 / ln(2) is less than half of it.
inline constexpr int kFloorLog2Reach = 44;
inline uint32_t BiasedFloorLog2(float x) {
  constexpr uint32_t kReach[] = {0, 0, 1, 2, 5, 11, 22, 44};  // by the bits of k - 1, or of -k
  const uint32_t bits = BitsOf(x);
  const uint32_t exponent = bits >> 23;
  const uint32_t below = 0x00800000u - (bits & 0x007FFFFFu);  // floats up to the next power of two
  if (exponent == 0 || below > kFloorLog2Reach) return exponent;
  const int k = static_cast<int>(exponent) - 126;
  int magnitude = k > 0 ? k - 1 : -k;
  int width = 0;
  for (; magnitude > 0; magnitude >>= 1) ++width;
  return exponent + (below <= kReach[width] ? 1 : 0);
}

// The E8M0 exponent of an MXFP4 block whose largest magnitude is `amax`: floor(log2(amax)) - 2,
// biased by 127 and not below 0. At most 253.
inline uint8_t E8M0OfLargest(float amax) {
  const uint32_t biased = BiasedFloorLog2(amax);
  return static_cast<uint8_t>(biased > 2 ? biased - 2 : 0);
}

// The E8M0 exponents for which both 12 halves of the scale and 8 over a half are finite.
inline constexpr uint8_t kLeastUsualE8M0 = 4;
inline constexpr uint8_t kLargestUsualE8M0 = 252;

// Twice the largest value of NVFP4: beyond it NearestFp4 may fall back to lower codes.
inline constexpr float kLargestComparableFp4 = 24.0f * 224.0f;

// UE4M3 of v >= 0, halves up in the fourth bit of the mantissa: 0x00 to 0x77, or 0x7E (448) for
// everything from 248 on, as no other value of the highest exponent is used.
inline uint8_t UE4M3OfScale(float v) {
  if (!(v > 0.0f)) return 0;
  const uint32_t bits = BitsOf(v);
  constexpr uint32_t kSmallestNormal = 121u << 23;  // 2^-6
  if (bits < kSmallestNormal) {
    const int mantissa = static_cast<int>(v * 512.0f + 0.5f);
    return static_cast<uint8_t>(mantissa < 7 ? mantissa : 7);
  }
  const uint32_t rounded = ((bits + 0x00080000u) >> 20) - (120u << 3);
  return static_cast<uint8_t>(rounded < 0x78u ? rounded : 0x7Eu);
}

// What values are multiplied by for their FP4 codes (fp4-inl.h): 2 / half_scale, one float lower.
// By UE4M3 code, up to 0x7E; 0 for a scale of 0.
struct Fp4Factors {
  constexpr Fp4Factors() {
    for (int code = 1; code < 0x7F; ++code) {
      float half_scale = static_cast<float>(code < 8 ? code : 8 + code % 8) / 1024.0f;
      for (int exponent = 1; exponent < code / 8; ++exponent) half_scale *= 2.0f;
      of_ue4m3[code] = std::bit_cast<float>(std::bit_cast<uint32_t>(2.0f / half_scale) - 1);
    }
  }

  float of_ue4m3[0x7F] = {};
};
inline constexpr Fp4Factors kFp4Factors;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_H_
