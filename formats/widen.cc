#include "formats/widen.h"

#include <cstring>
#include <limits>

#include "gguf/base/float16.h"

namespace gguf {
namespace {

float FromF16(uint16_t value) { return F16ToF32(value); }
float FromBF16(uint16_t value) { return BF16ToF32(value); }
float FromBool(uint8_t value) { return value != 0 ? 1.0f : 0.0f; }

template <typename T>
float FromNumber(T value) {
  return static_cast<float>(value);
}

// 1 sign, 4 exponent (bias 7), 3 mantissa bits.
float FromE4M3(uint8_t value) {
  const uint32_t sign = static_cast<uint32_t>(value & 0x80) << 24;
  const uint32_t exponent = (value >> 3) & 0xF;
  const uint32_t mantissa = value & 7;
  if ((value & 0x7F) == 0x7F)
    return FloatOf(sign | BitsOf(std::numeric_limits<float>::quiet_NaN()));
  if (exponent == 0) return FloatOf(sign | BitsOf(static_cast<float>(mantissa) * 0x1p-9f));
  return FloatOf(sign | (exponent + 120) << 23 | mantissa << 20);
}

float FromE5M2(uint8_t value) { return F16ToF32(static_cast<uint16_t>(value << 8)); }

template <typename T, float (*kConvert)(T)>
void Widen(const uint8_t* in, size_t num_values, uint8_t* out) {
  for (size_t i = 0; i < num_values; ++i) {
    T value;
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    const float wide = kConvert(value);
    std::memcpy(out + i * sizeof(float), &wide, sizeof(float));
  }
}

void Copy(const uint8_t* in, size_t num_values, uint8_t* out) {
  std::memcpy(out, in, num_values * sizeof(float));
}

// In the order of ElementType.
constexpr void (*kWiden[])(const uint8_t* in, size_t num_values, uint8_t* out) = {
    Widen<double, FromNumber<double>>,
    Copy,
    Widen<uint16_t, FromF16>,
    Widen<uint16_t, FromBF16>,
    Widen<int64_t, FromNumber<int64_t>>,
    Widen<int32_t, FromNumber<int32_t>>,
    Widen<int16_t, FromNumber<int16_t>>,
    Widen<int8_t, FromNumber<int8_t>>,
    Widen<uint8_t, FromNumber<uint8_t>>,
    Widen<uint8_t, FromBool>,
    Widen<uint8_t, FromE4M3>,
    Widen<uint8_t, FromE5M2>,
};

}  // namespace

void WidenToF32(ElementType type, const uint8_t* in, size_t num_values, uint8_t* out) {
  kWiden[static_cast<size_t>(type)](in, num_values, out);
}

}  // namespace gguf
