// IEEE binary16 and bfloat16 in plain C++17, for host and device code alike.
//
// Conversions are exact where the target can hold the value and round to nearest even where it
// cannot; subnormals are kept, overflow gives infinity (spec: IEEE 754-2008; bfloat16 as the upper
// half of binary32).

#ifndef GGUF_TOOLCHAIN_GGUF_BASE_FLOAT16_H_
#define GGUF_TOOLCHAIN_GGUF_BASE_FLOAT16_H_

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define GGUF_HOST_DEVICE __host__ __device__
#else
#define GGUF_HOST_DEVICE
#endif

namespace gguf {

GGUF_HOST_DEVICE inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

GGUF_HOST_DEVICE inline float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Exact. A NaN keeps its sign and payload.
GGUF_HOST_DEVICE inline float F16ToF32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in binary32
    const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-08f;
    return FloatOf(sign | BitsOf(magnitude));
  }
  if (exponent == 31) return FloatOf(sign | 0x7F800000u | (mantissa << 13));
  return FloatOf(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

// Round to nearest even; |x| >= 65520 gives infinity; a NaN becomes sign | 0x7E00.
GGUF_HOST_DEVICE inline uint16_t F32ToF16(float value) {
  const uint32_t bits = BitsOf(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return sign | 0x7E00u;
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;  // 65520 and above
  if (magnitude < 0x38800000u) {                        // below 2^-14: the result is subnormal
    // Adding 0.5 leaves the value in units of 2^-24 in the low mantissa bits, rounded to even.
    const uint32_t rounded = BitsOf(FloatOf(magnitude) + 0.5f) - 0x3F000000u;
    return static_cast<uint16_t>(sign | rounded);
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xFFFu + odd) >> 13));
}

GGUF_HOST_DEVICE inline float BF16ToF32(uint16_t bf16) {
  return FloatOf(static_cast<uint32_t>(bf16) << 16);
}

// Round to nearest even; a NaN keeps its upper half with the quiet bit set.
GGUF_HOST_DEVICE inline uint16_t F32ToBF16(float value) {
  const uint32_t bits = BitsOf(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_BASE_FLOAT16_H_
