#include "gguf/base/float16.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// The value a half stands for, by the definition of binary16 in double arithmetic.
double Define(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const double mantissa = half & 0x3FF;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24)
                                         : std::ldexp(1024.0 + mantissa, exponent - 25);
  return (half & 0x8000) ? -magnitude : magnitude;
}

TEST(Float16Test, EveryHalfDecodesByDefinitionAndComesBack) {
  for (uint32_t h = 0; h <= 0xFFFF; ++h) {
    const uint16_t half = static_cast<uint16_t>(h);
    const float value = F16ToF32(half);
    if ((half & 0x7C00) == 0x7C00) {
      EXPECT_EQ(std::isnan(value), (half & 0x3FF) != 0);
      continue;
    }
    EXPECT_EQ(value, Define(half)) << h;
    EXPECT_EQ(F32ToF16(value), half) << h;
  }
}

TEST(Float16Test, RoundsToNearestEvenBetweenAllNeighbours) {
  for (uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = F16ToF32(half), high = F16ToF32(half + 1);
    const float middle = static_cast<float>((Define(half) + Define(half + 1)) / 2);  // exact
    EXPECT_EQ(F32ToF16(middle), (half & 1) ? half + 1 : half) << half;
    EXPECT_EQ(F32ToF16(std::nextafter(middle, low)), half) << half;
    EXPECT_EQ(F32ToF16(std::nextafter(middle, high)), half + 1) << half;
    EXPECT_EQ(F32ToF16(-std::nextafter(middle, high)), 0x8000 | (half + 1)) << half;
  }
}

TEST(Float16Test, OverflowAndNan) {
  EXPECT_EQ(F32ToF16(65519.996f), 0x7BFF);
  EXPECT_EQ(F32ToF16(65520.0f), 0x7C00);
  EXPECT_EQ(F32ToF16(-std::numeric_limits<float>::max()), 0xFC00);
  EXPECT_EQ(F32ToF16(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(F32ToF16(std::numeric_limits<float>::quiet_NaN()), 0x7E00);
  EXPECT_EQ(F32ToF16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(BFloat16Test, RoundsToNearestEven) {
  EXPECT_EQ(F32ToBF16(1.0f), 0x3F80);
  EXPECT_EQ(F32ToBF16(FloatOf(0x3F808000)), 0x3F80);  // tie, even below
  EXPECT_EQ(F32ToBF16(FloatOf(0x3F818000)), 0x3F82);  // tie, even above
  EXPECT_EQ(F32ToBF16(FloatOf(0x3F808001)), 0x3F81);
  EXPECT_EQ(F32ToBF16(FloatOf(0x00000001)), 0x0000);
  EXPECT_EQ(F32ToBF16(FloatOf(0x00018000)), 0x0002);  // subnormals are not flushed
  EXPECT_EQ(F32ToBF16(FloatOf(0x7F7FFFFF)), 0x7F80);
  EXPECT_EQ(F32ToBF16(FloatOf(0x7F800001)), 0x7FC0);  // a NaN stays one
  EXPECT_EQ(BF16ToF32(0x3F81), FloatOf(0x3F810000));
}

}  // namespace
}  // namespace gguf
