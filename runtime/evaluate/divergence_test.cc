#include "runtime/evaluate/divergence.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/evaluate/log_softmax.h"
#include "runtime/evaluate/similarity.h"

namespace gguf {
namespace {

TEST(Normalize, IsSafeForLargeLogits) {
  const std::vector<float> logits = {1000.0f, 1001.0f, -1000.0f, 1001.0f};
  const LogNormalizer normal = Normalize(logits);
  EXPECT_EQ(normal.argmax, 1u);
  EXPECT_EQ(normal.max, 1001.0f);
  EXPECT_NEAR(normal.log_sum, 1001.0 + std::log(2.0 + std::exp(-1.0)), 1e-6);
  EXPECT_FALSE(std::isfinite(Normalize({1.0f, std::nanf("")}).log_sum));
  EXPECT_FALSE(std::isfinite(Normalize({1.0f, INFINITY}).log_sum));
}

// p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4): KL = 1/2 ln 2 - 1/4 ln 2.
TEST(Diverge, KnownDistributions) {
  const std::vector<float> base = {std::log(0.5f), std::log(0.25f), std::log(0.25f)};
  const std::vector<float> logits = {2.0f, 2.0f + std::log(2.0f), 2.0f};
  const TokenDivergence token = Diverge(logits, base, -99.0f, 1);
  EXPECT_NEAR(token.kld, 0.25 * std::log(2.0), 1e-6);
  EXPECT_NEAR(token.nll, std::log(2.0), 1e-6);
  EXPECT_NEAR(token.base_nll, std::log(4.0), 1e-6);
  EXPECT_FALSE(token.same_top);
}

TEST(Diverge, EqualDistributionsDoNotDiverge) {
  const std::vector<float> base = {std::log(0.5f), std::log(0.25f), std::log(0.25f), -200.0f};
  const std::vector<float> logits = {base[0] + 9.0f, base[1] + 9.0f, base[2] + 9.0f, -191.0f};
  const TokenDivergence token = Diverge(logits, base, -99.0f, 0);
  EXPECT_GE(token.kld, 0.0);
  EXPECT_LT(token.kld, 1e-6);
  EXPECT_TRUE(token.same_top);
}

TEST(Diverge, TokensThatWereCut) {
  const std::vector<float> base = {0.0f, -INFINITY};
  const TokenDivergence token = Diverge({1.0f, 1.0f}, base, -16.0f, 1);
  EXPECT_NEAR(token.kld, std::log(2.0), 1e-6);
  EXPECT_EQ(token.base_nll, 16.0);
}

TEST(DivergenceResult, Summarises) {
  DivergenceResult result;
  for (int i = 1; i <= 4; ++i) {
    TokenDivergence token;
    token.kld = i * 0.1;
    token.nll = std::log(2.0);       // q = 0.5
    token.base_nll = std::log(4.0);  // p = 0.25
    token.same_top = i != 4;
    result.Add(token);
  }
  EXPECT_NEAR(result.kld().mean(), 0.25, 1e-12);
  EXPECT_NEAR(result.rms_delta_p(), 0.25, 1e-12);
  EXPECT_NEAR(result.rms_delta_p_stderr(), 0.0, 1e-9);
  EXPECT_NEAR(result.delta_p().mean(), 0.25, 1e-12);
  EXPECT_NEAR(result.log_ratio().mean(), -std::log(2.0), 1e-12);
  EXPECT_EQ(result.top1_agreement().value, 0.75);
  EXPECT_NEAR(Percentile(result.SortedKld(), 0.5), 0.25, 1e-6);
}

TEST(CosineSimilarity, OfDirections) {
  EXPECT_NEAR(CosineSimilarity({1.0f, 2.0f}, {2.0f, 4.0f}), 1.0, 1e-12);
  EXPECT_NEAR(CosineSimilarity({1.0f, 0.0f}, {0.0f, 4.0f}), 0.0, 1e-12);
  EXPECT_NEAR(CosineSimilarity({1.0f, 1.0f}, {-1.0f, -1.0f}), -1.0, 1e-12);
  EXPECT_EQ(CosineSimilarity({0.0f, 0.0f}, {1.0f, 1.0f}), 0.0);
}

}  // namespace
}  // namespace gguf
