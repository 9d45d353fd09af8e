#include "quantize/encode/error_weights.h"

#include <cmath>

namespace gguf {
namespace {

struct Row {
  TensorType type;
  ErrorWeightRule plain;
  ErrorWeightRule weighted;
};

constexpr ErrorWeightRule kUnweighted = {WeightRule::kOne, 0, 0.0f};
constexpr ErrorWeightRule kSquares = {WeightRule::kSquare, 0, 0.0f};

constexpr ErrorWeightRule Root(size_t mean_values, float factor) {
  return {WeightRule::kImportanceTimesRoot, mean_values, factor};
}

// Types without a row are unweighted. Those that require importance have no plain rule of their
// own: x*x, as their neighbours.
constexpr Row kRows[] = {
    {TensorType::kQ4_0, kUnweighted, Root(0, 1.0f)},
    {TensorType::kQ4_1, kUnweighted, Root(0, 1.0f)},
    {TensorType::kQ5_0, kUnweighted, Root(0, 1.0f)},
    {TensorType::kQ5_1, kUnweighted, Root(0, 1.0f)},
    {TensorType::kQ2_K, {WeightRule::kMagnitude, 0, 0.0f}, Root(256, 1.0f)},
    {TensorType::kQ3_K, kSquares, Root(256, 2.0f)},
    {TensorType::kQ4_K, {WeightRule::kMeanPlusMagnitude, 32, 1.0f}, Root(256, 2.0f)},
    {TensorType::kQ5_K, {WeightRule::kMeanPlusMagnitude, 32, 1.0f}, Root(256, 2.0f)},
    {TensorType::kQ6_K, kSquares, {WeightRule::kImportance, 0, 0.0f}},
    {TensorType::kIQ2_XXS, kSquares, Root(256, 1.0f)},
    {TensorType::kIQ2_XS, kSquares, Root(256, 1.0f)},
    {TensorType::kIQ2_S, {WeightRule::kQuarterMeanPlusSquare, 256, 2.0f}, Root(256, 2.0f)},
    {TensorType::kIQ3_XXS, kSquares, Root(256, 2.0f)},
    {TensorType::kIQ3_S, kSquares, Root(256, 2.0f)},
    {TensorType::kIQ1_S, kSquares, Root(256, 2.0f)},
    {TensorType::kIQ1_M, kSquares, Root(256, 2.0f)},
    {TensorType::kIQ4_NL, kSquares, Root(32, 2.0f)},
    {TensorType::kIQ4_XS, kSquares, Root(256, 2.0f)},
};

float Weight(WeightRule rule, float s, float x, float w) {
  switch (rule) {
    case WeightRule::kOne:
      return 1.0f;
    case WeightRule::kImportance:
      return w;
    case WeightRule::kSquare:
      return x * x;
    case WeightRule::kMagnitude:
      return std::fabs(x);
    case WeightRule::kMeanPlusMagnitude:
      return std::sqrt(s) + std::fabs(x);
    case WeightRule::kQuarterMeanPlusSquare:
      return 0.25f * s + x * x;
    case WeightRule::kImportanceTimesRoot:
      return w * std::sqrt(s + x * x);
  }
  return 1.0f;
}

}  // namespace

ErrorWeightRule ErrorWeightRuleOf(TensorType type, bool has_importance) {
  for (const Row& row : kRows) {
    if (row.type == type) return has_importance ? row.weighted : row.plain;
  }
  return kUnweighted;
}

void ErrorWeights(TensorType type, const float* row, size_t columns, const float* importance,
                  float* weights) {
  const ErrorWeightRule rule = ErrorWeightRuleOf(type, importance != nullptr);
  const size_t stretch = rule.mean_values == 0 ? columns : rule.mean_values;
  for (size_t start = 0; start < columns; start += stretch) {
    float sum = 0.0f;
    for (size_t i = start; i < start + stretch; ++i) sum += row[i] * row[i];
    const float s = rule.mean_factor * sum / static_cast<float>(stretch);
    for (size_t i = start; i < start + stretch; ++i) {
      weights[i] = Weight(rule.rule, s, row[i], importance != nullptr ? importance[i] : 1.0f);
    }
  }
}

}  // namespace gguf
