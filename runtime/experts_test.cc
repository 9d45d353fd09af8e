#include "runtime/experts.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

const std::vector<float> kLogits = {1.0f, 3.0f, 2.0f, 3.0f, -1.0f};

TEST(SelectExperts, LargestFirstAndTheLowerIndexAmongEquals) {
  const auto selected = SelectExperts(kLogits, 3, ExpertWeights::kSoftmax);
  ASSERT_EQ(selected.size(), 3u);
  EXPECT_EQ(selected[0].expert, 1u);
  EXPECT_EQ(selected[1].expert, 3u);
  EXPECT_EQ(selected[2].expert, 2u);
}

TEST(SelectExperts, WeightsOfAllOrOfTheSelected) {
  double total = 0.0;
  for (const float logit : kLogits) total += std::exp(logit);
  const auto all = SelectExperts(kLogits, 2, ExpertWeights::kSoftmax);
  EXPECT_NEAR(all[0].weight, std::exp(3.0) / total, 1e-6);
  for (const ExpertWeights weights :
       {ExpertWeights::kNormalisedSoftmax, ExpertWeights::kSelectedSoftmax}) {
    const auto selected = SelectExperts(kLogits, 3, weights);
    EXPECT_NEAR(selected[0].weight, std::exp(3.0) / (2 * std::exp(3.0) + std::exp(2.0)), 1e-6);
    EXPECT_NEAR(selected[0].weight + selected[1].weight + selected[2].weight, 1.0, 1e-6);
  }
}

TEST(SelectExperts, LargeLogits) {
  const std::vector<float> logits = {500.0f, 300.0f};
  const auto selected = SelectExperts(logits, 2, ExpertWeights::kSoftmax);
  EXPECT_EQ(selected[0].weight, 1.0f);
  EXPECT_EQ(selected[1].weight, 0.0f);
}

}  // namespace
}  // namespace gguf
