#include "runtime/ops/rope.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/ops/norm.h"

namespace gguf {
namespace {

RopeConfig Config(uint32_t dims) {
  RopeConfig rope;
  rope.dims = dims;
  return rope;
}

TEST(Rope, FrequenciesFallByTheBase) {
  const auto plain = RopeFrequencies(Config(4), 10000.0f, RopeScaling::kNone, {});
  EXPECT_FLOAT_EQ(plain[0], 1.0f);
  EXPECT_FLOAT_EQ(plain[1], 0.01f);
  const std::vector<float> factors = {2.0f, 4.0f};
  const auto divided = RopeFrequencies(Config(4), 10000.0f, RopeScaling::kNone, factors);
  EXPECT_FLOAT_EQ(divided[0], 0.5f);
  EXPECT_FLOAT_EQ(divided[1], 0.0025f);
  RopeConfig linear = Config(4);
  linear.factor = 8.0f;
  EXPECT_FLOAT_EQ(RopeFrequencies(linear, 10000.0f, RopeScaling::kLinear, {})[0], 0.125f);
}

// gpt-oss: 64 dims, base 150000, factor 32 from 4096. corr(32) = 8.09 and corr(1) = 17.4, rounded
// outwards to 8 and 18.
TEST(Rope, YarnKeepsFastPairsAndInterpolatesSlowOnes) {
  RopeConfig rope = Config(64);
  rope.factor = 32.0f;
  rope.original_context = 4096;
  const auto plain = RopeFrequencies(rope, 150000.0f, RopeScaling::kNone, {});
  const auto yarn = RopeFrequencies(rope, 150000.0f, RopeScaling::kYarn, {});
  for (size_t i = 0; i <= 8; ++i) EXPECT_FLOAT_EQ(yarn[i], plain[i]) << i;
  EXPECT_FLOAT_EQ(yarn[13], plain[13] * 0.5f + plain[13] / 32.0f * 0.5f);
  for (size_t i = 18; i < 32; ++i) EXPECT_FLOAT_EQ(yarn[i], plain[i] / 32.0f) << i;
}

TEST(Rope, TurnsPairsAndHalves) {
  RopeTable table;
  const std::vector<int32_t> positions = {0, 3};
  const std::vector<float> frequencies = {1.0f, 0.5f};
  table.Fill(positions, frequencies, 2.0f);
  // Two heads of five values, of which four turn.
  const std::vector<float> heads = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<float> pairs = heads;
  table.Rotate(1, RopeLayout::kPairs, 2, 5, pairs.data());
  EXPECT_NEAR(pairs[0], 2 * (1 * std::cos(3.0) - 2 * std::sin(3.0)), 1e-5);
  EXPECT_NEAR(pairs[1], 2 * (1 * std::sin(3.0) + 2 * std::cos(3.0)), 1e-5);
  EXPECT_NEAR(pairs[3], 2 * (3 * std::sin(1.5) + 4 * std::cos(1.5)), 1e-5);
  EXPECT_EQ(pairs[4], 5.0f);
  EXPECT_NEAR(pairs[5], 2 * (6 * std::cos(3.0) - 7 * std::sin(3.0)), 1e-5);
  std::vector<float> halves = heads;
  table.Rotate(1, RopeLayout::kHalves, 2, 5, halves.data());
  EXPECT_NEAR(halves[0], 2 * (1 * std::cos(3.0) - 3 * std::sin(3.0)), 1e-5);
  EXPECT_NEAR(halves[3], 2 * (2 * std::sin(1.5) + 4 * std::cos(1.5)), 1e-5);
  std::vector<float> still = heads;
  table.Rotate(0, RopeLayout::kHalves, 1, 5, still.data());
  EXPECT_EQ(still[2], 6.0f);  // only the magnitude
  still = heads;
  table.Rotate(1, RopeLayout::kNone, 2, 5, still.data());
  EXPECT_EQ(still, heads);
}

TEST(Norm, Rms) {
  const float x[] = {3, 4}, weight[] = {1, 2};
  float out[2];
  RmsNorm(x, weight, 2, 0.5f, out);
  const float scale = 1 / std::sqrt(12.5f + 0.5f);
  EXPECT_FLOAT_EQ(out[0], 3 * scale);
  EXPECT_FLOAT_EQ(out[1], 8 * scale);
}

TEST(Norm, Layer) {
  float x[] = {1, 3, 8};
  const float weight[] = {1, 2, 1}, bias[] = {0, 1, -1};
  LayerNorm(x, weight, bias, 3, 1e-5f, x);  // in place
  const float scale = 1 / std::sqrt(26.0f / 3 + 1e-5f);
  EXPECT_NEAR(x[0], -3 * scale, 1e-6);
  EXPECT_NEAR(x[1], -1 * scale * 2 + 1, 1e-6);
  EXPECT_NEAR(x[2], 4 * scale - 1, 1e-6);
}

}  // namespace
}  // namespace gguf
