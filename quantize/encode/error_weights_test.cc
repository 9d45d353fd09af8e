#include "quantize/encode/error_weights.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

std::vector<float> WeightsOf(TensorType type, const std::vector<float>& row,
                             const std::vector<float>& importance) {
  std::vector<float> weights(row.size());
  ErrorWeights(type, row.data(), row.size(), importance.empty() ? nullptr : importance.data(),
               weights.data());
  return weights;
}

// Two blocks of 256: all 1, then all 3; importance 2.
struct Input {
  Input() : row(512, 1.0f), importance(512, 2.0f) {
    for (size_t i = 256; i < 512; ++i) row[i] = 3.0f;
  }
  std::vector<float> row, importance;
};

TEST(ErrorWeightsTest, UnweightedTypes) {
  const Input input;
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kMXFP4, TensorType::kTQ1_0}) {
    EXPECT_EQ(WeightsOf(type, input.row, input.importance), std::vector<float>(512, 1.0f));
  }
  EXPECT_EQ(WeightsOf(TensorType::kQ4_0, input.row, {}), std::vector<float>(512, 1.0f));
}

TEST(ErrorWeightsTest, MeanOfTheRow) {
  const Input input;
  const std::vector<float> weights = WeightsOf(TensorType::kQ4_0, input.row, input.importance);
  EXPECT_FLOAT_EQ(weights[0], 2.0f * std::sqrt(5.0f + 1.0f));
  EXPECT_FLOAT_EQ(weights[511], 2.0f * std::sqrt(5.0f + 9.0f));
}

TEST(ErrorWeightsTest, MeanOfTheBlock) {
  const Input input;
  const std::vector<float> once = WeightsOf(TensorType::kQ2_K, input.row, input.importance);
  EXPECT_FLOAT_EQ(once[0], 2.0f * std::sqrt(1.0f + 1.0f));
  EXPECT_FLOAT_EQ(once[511], 2.0f * std::sqrt(9.0f + 9.0f));
  const std::vector<float> twice = WeightsOf(TensorType::kQ4_K, input.row, input.importance);
  EXPECT_FLOAT_EQ(twice[0], 2.0f * std::sqrt(2.0f + 1.0f));
  EXPECT_FLOAT_EQ(twice[511], 2.0f * std::sqrt(18.0f + 9.0f));
}

TEST(ErrorWeightsTest, WithoutImportance) {
  const Input input;
  EXPECT_FLOAT_EQ(WeightsOf(TensorType::kQ2_K, input.row, {})[511], 3.0f);
  EXPECT_FLOAT_EQ(WeightsOf(TensorType::kQ6_K, input.row, {})[511], 9.0f);
  EXPECT_FLOAT_EQ(WeightsOf(TensorType::kQ5_K, input.row, {})[511], 6.0f);
  EXPECT_FLOAT_EQ(WeightsOf(TensorType::kIQ2_S, input.row, {})[511], 4.5f + 9.0f);
  EXPECT_FLOAT_EQ(WeightsOf(TensorType::kQ6_K, input.row, input.importance)[511], 2.0f);
}

}  // namespace
}  // namespace gguf
