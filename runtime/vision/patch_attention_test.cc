#include "runtime/vision/patch_attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// Rows as a tower has them; some scores far above the others.
struct Inputs {
  Inputs(size_t patches, size_t num_heads, size_t head) : out(patches * num_heads * head) {
    std::mt19937 random(static_cast<unsigned>(patches * 31 + head));
    std::normal_distribution<float> normal;
    for (std::vector<float>* rows : {&queries, &keys, &values}) {
      rows->resize(out.size());
      for (float& value : *rows) value = normal(random);
    }
    for (size_t i = 0; i < num_heads * head; ++i) queries[i] *= 8.0f;  // the first patch
    attention = {queries.data(), keys.data(), values.data(), patches, num_heads, head, out.data()};
  }

  std::vector<float> queries, keys, values, out;
  PatchAttention attention;
};

// Straight from the formula, in double.
std::vector<double> Expected(const PatchAttention& in) {
  const size_t stride = in.num_heads * in.head;
  std::vector<double> out(in.patches * stride), weights(in.patches);
  for (size_t i = 0; i < in.patches; ++i) {
    for (size_t offset = 0; offset < stride; offset += in.head) {
      for (size_t t = 0; t < in.patches; ++t) {
        double score = 0;
        for (size_t k = 0; k < in.head; ++k) {
          score += double{in.queries[i * stride + offset + k]} * in.keys[t * stride + offset + k];
        }
        weights[t] = score / std::sqrt(static_cast<double>(in.head));
      }
      const double largest = *std::max_element(weights.begin(), weights.end());
      for (double& weight : weights) weight = std::exp(weight - largest);
      const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (size_t t = 0; t < in.patches; ++t) {
        for (size_t k = 0; k < in.head; ++k) {
          out[i * stride + offset + k] += weights[t] / total * in.values[t * stride + offset + k];
        }
      }
    }
  }
  return out;
}

double LargestDifference(const std::vector<float>& found, const std::vector<double>& expected) {
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const double difference = std::abs(found[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;  // also when it is no number
  }
  return largest;
}

// Around the boundaries of blocks (32), chunks (256) and tasks (1024), and heads of odd lengths.
constexpr struct {
  size_t patches, num_heads, head;
} kShapes[] = {{1, 1, 8},   {16, 2, 32},  {31, 1, 72},  {33, 3, 31},
               {255, 1, 1}, {257, 2, 72}, {300, 1, 64}, {1030, 1, 33}};

TEST(PatchAttention, AgreesWithTheFormula) {
  for (const auto& [patches, num_heads, head] : kShapes) {
    Inputs inputs(patches, num_heads, head);
    const std::vector<double> expected = Expected(inputs.attention);
    AttendPatches(inputs.attention, ActivationType::kF32, 1);
    EXPECT_LT(LargestDifference(inputs.out, expected), 3e-4) << patches << " x " << head;
    AttendPatches(inputs.attention, ActivationType::kBF16, 1);
    // Scores of 30 are off by some 2^-9 of themselves.
    EXPECT_LT(LargestDifference(inputs.out, expected), 0.15) << patches << " x " << head;
  }
}

TEST(PatchAttention, DoesNotDependOnThreads) {
  Inputs inputs(1100, 2, 40);
  for (const ActivationType type : {ActivationType::kF32, ActivationType::kBF16}) {
    AttendPatches(inputs.attention, type, 1);
    const std::vector<float> expected = inputs.out;
    AttendPatches(inputs.attention, type, 3);
    EXPECT_EQ(inputs.out, expected);
  }
}

}  // namespace
}  // namespace gguf
