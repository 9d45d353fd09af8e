#include "runtime/evaluate/statistics.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(RunningMean, AgreesWithTwoPasses) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(1e6 + std::sin(i * 0.7) * 3.0);
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / values.size();
  for (const double value : values) squares += (value - mean) * (value - mean);
  RunningMean running;
  for (const double value : values) running.Add(value);
  EXPECT_EQ(running.count(), values.size());
  EXPECT_NEAR(running.mean(), mean, 1e-8);
  EXPECT_NEAR(running.standard_error(), std::sqrt(squares / values.size() / (values.size() - 1)),
              1e-9);
}

TEST(RunningMean, FewValuesHaveNoError) {
  RunningMean running;
  EXPECT_EQ(running.mean(), 0.0);
  EXPECT_EQ(running.standard_error(), 0.0);
  running.Add(3.5);
  EXPECT_EQ(running.mean(), 3.5);
  EXPECT_EQ(running.standard_error(), 0.0);
  running.Add(3.5);
  EXPECT_EQ(running.standard_error(), 0.0);
}

TEST(Percentile, InterpolatesBetweenNeighbours) {
  const std::vector<float> values = {1.0f, 2.0f, 4.0f, 8.0f, 16.0f};
  EXPECT_EQ(Percentile(values, 0.0), 1.0);
  EXPECT_EQ(Percentile(values, 0.5), 4.0);
  EXPECT_EQ(Percentile(values, 1.0), 16.0);
  EXPECT_EQ(Percentile(values, 0.625), 6.0);
  EXPECT_EQ(Percentile(values, 2.0), 16.0);
  EXPECT_EQ(Percentile(values, -1.0), 1.0);
  EXPECT_EQ(Percentile({}, 0.5), 0.0);
  EXPECT_EQ(Percentile({7.0f}, 0.999), 7.0);
}

// Wilson's interval of 10 of 20: 0.2993 to 0.7007.
TEST(ProportionOf, KnowsItsError) {
  const Proportion half = ProportionOf(10, 20);
  EXPECT_EQ(half.value, 0.5);
  EXPECT_NEAR(half.standard_error, std::sqrt(0.25 / 19.0), 1e-12);
  EXPECT_NEAR(half.low, 0.29930, 1e-5);
  EXPECT_NEAR(half.high, 0.70070, 1e-5);
  const Proportion all = ProportionOf(5, 5);
  EXPECT_EQ(all.value, 1.0);
  EXPECT_EQ(all.standard_error, 0.0);
  EXPECT_LE(all.high, 1.0);
  EXPECT_GT(all.low, 0.5);
  EXPECT_LT(all.low, 0.6);
  EXPECT_EQ(ProportionOf(0, 0).high, 0.0);
}

}  // namespace
}  // namespace gguf
