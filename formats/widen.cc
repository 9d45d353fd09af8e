#include "formats/widen.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "formats/codec/float_convert.h"
#include "gguf/base/float16.h"

namespace gguf {
namespace {

// 1 sign, 4 exponent (bias 7), 3 mantissa bits.
float E4M3ToF32(uint8_t value) {
  const uint32_t sign = static_cast<uint32_t>(value & 0x80) << 24;
  const uint32_t exponent = (value >> 3) & 0xF;
  const uint32_t mantissa = value & 7;
  if ((value & 0x7F) == 0x7F) {
    return FloatOf(sign | BitsOf(std::numeric_limits<float>::quiet_NaN()));
  }
  if (exponent == 0) return FloatOf(sign | BitsOf(static_cast<float>(mantissa) * 0x1p-9f));
  return FloatOf(sign | (exponent + 120) << 23 | mantissa << 20);
}

float E5M2ToF32(uint8_t value) { return F16ToF32(static_cast<uint16_t>(value << 8)); }
float BoolToF32(uint8_t value) { return value != 0 ? 1.0f : 0.0f; }
float U8ToF32(uint8_t value) { return static_cast<float>(value); }

template <float (*kConvert)(uint8_t)>
void DecodeBytes(const uint8_t* in, size_t num_values, float* out) {
  static const std::array<float, 256> kValues = [] {
    std::array<float, 256> values;
    for (size_t i = 0; i < values.size(); ++i) values[i] = kConvert(static_cast<uint8_t>(i));
    return values;
  }();
  for (size_t i = 0; i < num_values; ++i) out[i] = kValues[in[i]];
}

// In the order of ElementType.
constexpr void (*kDecode[])(const uint8_t* in, size_t num_values, float* out) = {
    DecodeF64,
    DecodeF32,
    DecodeF16,
    DecodeBF16,
    DecodeI64,
    DecodeI32,
    DecodeI16,
    DecodeI8,
    DecodeBytes<U8ToF32>,
    DecodeBytes<BoolToF32>,
    DecodeBytes<E4M3ToF32>,
    DecodeBytes<E5M2ToF32>,
};

}  // namespace

void WidenToF32(ElementType type, const uint8_t* in, size_t num_values, uint8_t* out) {
  const auto decode = kDecode[static_cast<size_t>(type)];
  const uint32_t element_bytes = ElementBytes(type);
  float values[512];  // the decoders want aligned floats
  for (size_t first = 0; first < num_values; first += std::size(values)) {
    const size_t count = std::min(std::size(values), num_values - first);
    decode(in + first * element_bytes, count, values);
    std::memcpy(out + first * sizeof(float), values, count * sizeof(float));
  }
}

}  // namespace gguf
