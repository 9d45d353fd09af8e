#include "runtime/sampler.h"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// Probabilities 0.5, 0.3, 0.15, 0.05 of tokens 2, 0, 3, 1.
const std::vector<float> kLogits = {std::log(0.3f), std::log(0.05f), std::log(0.5f),
                                    std::log(0.15f)};

SamplerOptions Everything() {
  SamplerOptions options;
  options.temperature = 1.0f;
  options.top_k = 0;
  options.top_p = 1.0f;
  options.min_p = 0.0f;
  return options;
}

std::vector<int> Draw(const SamplerOptions& options, int draws) {
  Sampler sampler(options);
  std::vector<int> counts(kLogits.size());
  for (int i = 0; i < draws; ++i) ++counts[sampler.Sample(kLogits)];
  return counts;
}

std::set<size_t> Drawn(const SamplerOptions& options) {
  const std::vector<int> counts = Draw(options, 2000);
  std::set<size_t> drawn;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) drawn.insert(i);
  }
  return drawn;
}

TEST(Sampler, DrawsByProbability) {
  const int draws = 40000;
  const std::vector<int> counts = Draw(Everything(), draws);
  const double expected[] = {0.3, 0.05, 0.5, 0.15};
  for (size_t i = 0; i < counts.size(); ++i) {  // within five standard deviations
    const double p = expected[i];
    EXPECT_NEAR(counts[i], p * draws, 5.0 * std::sqrt(p * (1.0 - p) * draws)) << i;
  }
}

TEST(Sampler, TemperatureSharpens) {
  SamplerOptions options = Everything();
  options.temperature = 0.5f;  // probabilities squared
  const int draws = 40000;
  const double sum = 0.25 + 0.09 + 0.0225 + 0.0025;
  EXPECT_NEAR(Draw(options, draws)[2], 0.25 / sum * draws, 500);
}

TEST(Sampler, ZeroTemperatureTakesTheLikeliest) {
  SamplerOptions options;
  options.temperature = 0.0f;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{2}));
  Sampler sampler(options);
  EXPECT_EQ(sampler.Sample({1.0f, 3.0f, 3.0f}), 1);  // the lower id of equals
}

TEST(Sampler, FiltersKeepTheLikeliest) {
  SamplerOptions options = Everything();
  options.top_k = 2;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{0, 2}));
  options = Everything();
  options.top_p = 0.4f;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{2}));
  options.top_p = 0.6f;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{0, 2}));
  options.top_p = 0.0f;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{2}));
  options = Everything();
  options.min_p = 0.2f;  // of 0.5: 0.1
  EXPECT_EQ(Drawn(options), (std::set<size_t>{0, 2, 3}));
  options.min_p = 1.0f;
  EXPECT_EQ(Drawn(options), (std::set<size_t>{2}));
  EXPECT_EQ(Drawn(Everything()).size(), 4u);
}

TEST(Sampler, TheSameSeedDrawsTheSame) {
  SamplerOptions options = Everything();
  options.seed = 7;
  Sampler a(options), b(options);
  options.seed = 8;
  Sampler c(options);
  int differ = 0;
  for (int i = 0; i < 200; ++i) {
    const int32_t drawn = a.Sample(kLogits);
    EXPECT_EQ(drawn, b.Sample(kLogits));
    differ += drawn != c.Sample(kLogits);
  }
  EXPECT_GT(differ, 50);
}

TEST(Sampler, WhatIsNoNumberIsNotDrawn) {
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  Sampler sampler(Everything());
  EXPECT_EQ(sampler.Sample({nan, 1.0f, -infinity, infinity}), 1);
  EXPECT_EQ(sampler.Sample({nan, -infinity}), -1);
}

}  // namespace
}  // namespace gguf
