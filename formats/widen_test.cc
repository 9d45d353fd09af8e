#include "formats/widen.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "gguf/base/float16.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

template <typename T>
std::vector<float> Widen(ElementType type, const std::vector<T>& in) {
  std::vector<uint8_t> out(4 * in.size() + 1);  // misaligned on purpose
  WidenToF32(type, reinterpret_cast<const uint8_t*>(in.data()), in.size(), out.data() + 1);
  std::vector<float> values(in.size());
  std::memcpy(values.data(), out.data() + 1, 4 * values.size());
  return values;
}

std::vector<uint8_t> AllBytes() {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

TEST(Widen, F8E4M3HasTheValuesOfItsDefinition) {
  const std::vector<float> values = Widen(ElementType::kF8_E4M3, AllBytes());
  for (int i = 0; i < 256; ++i) {
    const int exponent = (i >> 3) & 15;
    const int mantissa = i & 7;
    if (exponent == 15 && mantissa == 7) {
      EXPECT_TRUE(std::isnan(values[i])) << i;
      continue;
    }
    const double magnitude = exponent == 0 ? mantissa / 8.0 * std::pow(2.0, -6)
                                           : (1 + mantissa / 8.0) * std::pow(2.0, exponent - 7);
    EXPECT_EQ(values[i], i < 128 ? magnitude : -magnitude) << i;
    EXPECT_EQ(std::signbit(values[i]), i >= 128) << i;
  }
}

TEST(Widen, F8E5M2HasTheValuesOfItsDefinition) {
  const std::vector<float> values = Widen(ElementType::kF8_E5M2, AllBytes());
  EXPECT_EQ(values[0x3C], 1.0f);
  EXPECT_EQ(values[0x01], std::pow(2.0f, -16));
  EXPECT_EQ(values[0x7B], 57344.0f);
  EXPECT_EQ(values[0x7C], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[0xFC], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(values[0x7D]));
}

TEST(Widen, OtherTypes) {
  EXPECT_EQ(Widen<double>(ElementType::kF64, {0.1, -2.0}), (std::vector<float>{0.1f, -2.0f}));
  EXPECT_EQ(Widen<float>(ElementType::kF32, {0.1f}), (std::vector<float>{0.1f}));
  EXPECT_EQ(Widen<uint16_t>(ElementType::kF16, {0x3C00, 0x0001}),
            (std::vector<float>{1.0f, F16ToF32(1)}));
  EXPECT_EQ(Widen<uint16_t>(ElementType::kBF16, {0x3F80, 0xC000}),
            (std::vector<float>{1.0f, -2.0f}));
  EXPECT_EQ(Widen<int64_t>(ElementType::kI64, {-5, int64_t{1} << 40}),
            (std::vector<float>{-5.0f, 1099511627776.0f}));
  EXPECT_EQ(Widen<int32_t>(ElementType::kI32, {-5}), (std::vector<float>{-5.0f}));
  EXPECT_EQ(Widen<int16_t>(ElementType::kI16, {-300}), (std::vector<float>{-300.0f}));
  EXPECT_EQ(Widen<int8_t>(ElementType::kI8, {-5}), (std::vector<float>{-5.0f}));
  EXPECT_EQ(Widen<uint8_t>(ElementType::kU8, {200}), (std::vector<float>{200.0f}));
  EXPECT_EQ(Widen<uint8_t>(ElementType::kBool, {0, 1, 2}), (std::vector<float>{0, 1, 1}));
}

TEST(Widen, LengthsAroundTheChunk) {
  for (const size_t count : {0, 1, 511, 512, 513, 1025}) {
    std::vector<int16_t> in;
    std::vector<float> want;
    for (size_t i = 0; i < count; ++i) {
      in.push_back(static_cast<int16_t>(i));
      want.push_back(static_cast<float>(i));
    }
    EXPECT_EQ(Widen(ElementType::kI16, in), want) << count;
  }
}

}  // namespace
}  // namespace gguf
