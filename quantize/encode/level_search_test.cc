#include "quantize/encode/level_search.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "quantize/encode/level_buckets.h"

namespace gguf {
namespace {

// The code as the vector code finds it.
float CodeByBuckets(float v) {
  int bucket = static_cast<int>(std::nearbyint(v / kBucketWidth));
  if (v >= kLevelBuckets.thresholds[bucket & (kNumBuckets - 1)]) ++bucket;
  return kLevelBuckets.codes[bucket & (kNumBuckets - 1)];
}

TEST(NearestLevelTest, LevelsAndTheirMiddles) {
  for (int m = 0; m < 16; ++m) {
    EXPECT_EQ(NearestLevel(kIq4nl[m]), m);
    if (m == 15) break;
    const float middle = 0.5f * static_cast<float>(kIq4nl[m] + kIq4nl[m + 1]);
    EXPECT_EQ(NearestLevel(std::nextafter(middle, -1000.0f)), m);
    EXPECT_EQ(NearestLevel(middle), m + 1);
  }
  EXPECT_EQ(NearestLevel(-1e30f), 0);
  EXPECT_EQ(NearestLevel(1e30f), 15);
  EXPECT_EQ(NearestLevel(std::numeric_limits<float>::quiet_NaN()), 15);
}

TEST(LevelBucketsTest, EqualNearestLevel) {
  for (int i = -140 * 64; i <= 140 * 64; ++i) {
    const float grid_point = static_cast<float>(i) / 64.0f;
    for (const float limit : {-1000.0f, grid_point, 1000.0f}) {
      const float v = std::nextafter(grid_point, limit);
      ASSERT_EQ(CodeByBuckets(v), static_cast<float>(NearestLevel(v))) << v;
      const int code = NearestLevel(v);
      const float level = kIq4nl[code];
      int bucket = static_cast<int>(std::nearbyint(v / kBucketWidth));
      if (v >= kLevelBuckets.thresholds[bucket & 31]) ++bucket;
      ASSERT_EQ(kLevelBuckets.levels[bucket & 31], level) << v;
    }
  }
}

}  // namespace
}  // namespace gguf
