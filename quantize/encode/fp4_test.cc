#include "quantize/encode/fp4.h"

#include <cmath>
#include <cstdlib>

#include "formats/codec/nvfp4.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(NearestFp4Test, TiesChooseTheLowerCode) {
  EXPECT_EQ(NearestFp4(0.0f, 1.0f), 0);
  EXPECT_EQ(NearestFp4(-0.0f, 1.0f), 0);
  EXPECT_EQ(NearestFp4(-0.5f, 1.0f), 0);
  EXPECT_EQ(NearestFp4(-0.50000006f, 1.0f), 9);
  EXPECT_EQ(NearestFp4(2.5f, 1.0f), 2);
  EXPECT_EQ(NearestFp4(-2.5f, 1.0f), 10);
  EXPECT_EQ(NearestFp4(10.0f, 1.0f), 6);
  EXPECT_EQ(NearestFp4(10.000001f, 1.0f), 7);
  EXPECT_EQ(NearestFp4(5.0f, 0.0f), 0);
}

TEST(BiasedFloorLog2Test, EqualsLog2f) {
  for (uint32_t exponent = 1; exponent < 255; ++exponent) {
    for (int nearby = -200; nearby <= 200; ++nearby) {
      const float x = FloatOf((exponent << 23) + static_cast<uint32_t>(nearby));
      if (x < 0x1p-126f) continue;
      ASSERT_EQ(static_cast<int>(BiasedFloorLog2(x)),
                static_cast<int>(std::floor(std::log2(x))) + 127)
          << exponent << " " << nearby;
    }
  }
}

TEST(BiasedFloorLog2Test, RoundsUpJustBelowPowersOfTwo) {
  EXPECT_EQ(BiasedFloorLog2(FloatOf(0x7F800000u - 44)), 255);  // 44 floats below 2^128
  EXPECT_EQ(BiasedFloorLog2(FloatOf(0x7F800000u - 45)), 254);
  EXPECT_EQ(BiasedFloorLog2(0x1.fffffep-1f), 126);  // log2f keeps -8.6e-8
  EXPECT_EQ(BiasedFloorLog2(1.0f), 127);
  EXPECT_EQ(BiasedFloorLog2(0.0f), 0);
  EXPECT_EQ(BiasedFloorLog2(1e-40f), 0);
}

TEST(E8M0OfLargestTest, IsTwoBelowAndNeverNegative) {
  EXPECT_EQ(E8M0OfLargest(0.0f), 0);
  EXPECT_EQ(E8M0OfLargest(1e-45f), 0);
  EXPECT_EQ(E8M0OfLargest(0x1p-126f), 0);
  EXPECT_EQ(E8M0OfLargest(0x1p-125f), 0);
  EXPECT_EQ(E8M0OfLargest(0x1p-124f), 1);
  EXPECT_EQ(E8M0OfLargest(4.0f), 127);
  EXPECT_EQ(E8M0OfLargest(7.9f), 127);
  EXPECT_EQ(E8M0OfLargest(3.4028234e38f), 253);
}

// The nearest of the scales in use, by their values; halves upwards.
TEST(UE4M3OfScaleTest, RoundsToNearest) {
  for (int lower = 0; lower < 0x76; ++lower) {
    if (lower == 7) continue;  // see below
    const float middle = UE4M3Half(lower) + UE4M3Half(lower + 1);
    const float least = std::nextafter(2.0f * UE4M3Half(lower), 1000.0f);
    EXPECT_EQ(UE4M3OfScale(least), lower) << lower;
    // Just below the first of them v * 512 + 0.5 rounds to 1.
    EXPECT_EQ(UE4M3OfScale(std::nextafter(middle, 0.0f)), lower == 0 ? 1 : lower) << lower;
    EXPECT_EQ(UE4M3OfScale(middle), lower + 1) << lower;
    EXPECT_EQ(UE4M3OfScale(2.0f * UE4M3Half(lower + 1)), lower + 1) << lower;
  }
}

TEST(UE4M3OfScaleTest, Limits) {
  EXPECT_EQ(UE4M3OfScale(0.0f), 0);
  EXPECT_EQ(UE4M3OfScale(-1.0f), 0);
  EXPECT_EQ(UE4M3OfScale(std::nanf("")), 0);
  EXPECT_EQ(UE4M3OfScale(1e-45f), 0);
  // Below the smallest normal value, 2^-6, the mantissa stops at 7.
  EXPECT_EQ(UE4M3OfScale(std::nextafter(0x1p-6f, 0.0f)), 7);
  EXPECT_EQ(UE4M3OfScale(0x1p-6f), 8);
  // Above 240 only 448 is used.
  EXPECT_EQ(UE4M3OfScale(std::nextafter(248.0f, 0.0f)), 0x77);
  EXPECT_EQ(UE4M3OfScale(248.0f), 0x7E);
  EXPECT_EQ(UE4M3OfScale(449.0f), 0x7E);
  EXPECT_EQ(UE4M3OfScale(3e38f), 0x7E);
}

}  // namespace
}  // namespace gguf
