// What --effort promises: never more error than the reference's, and at `max` much less.

#include "quantize/effort_error.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "quantize/encode/encoder.h"

namespace gguf {
namespace {

constexpr size_t kRowStep = 4;  // keeps the test below a minute
constexpr double kWorstMatrix = 1.002;

// Rounding to nearest is optimal for the float types, and the mean magnitude is the best scale of
// Q1_0: the reference's codes are all there are.
constexpr TensorType kOptimal[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16,
                                   TensorType::kQ1_0};

bool IsOptimal(TensorType type) {
  return std::find(std::begin(kOptimal), std::end(kOptimal), type) != std::end(kOptimal);
}

std::vector<TensorType> Types() {
  std::vector<TensorType> types;
  for (const Encoder& encoder : AllEncoders()) {
    if (encoder.effort == Effort::kReference) types.push_back(encoder.type);
  }
  return types;
}

std::string Describe(TensorType type, const EffortError& error, bool weighted) {
  return std::string(NameOf(type)) + " at " + std::string(NameOf(error.effort)) +
         (weighted ? " with importance" : " without importance") + "; its worst matrix is " +
         error.ratio.worst_matrix;
}

void ExpectLessErrorThanTheReference(const EffortMatrices& matrices) {
  for (const TensorType type : Types()) {
    if (IsOptimal(type)) continue;
    size_t measured = 0;
    for (const bool weighted : {false, true}) {
      for (const EffortError& error : MeasureEfforts(type, matrices, weighted)) {
        EXPECT_LT(error.ratio.total, 1.0) << Describe(type, error, weighted);
        EXPECT_LE(error.ratio.worst, kWorstMatrix) << Describe(type, error, weighted);
        ++measured;
      }
    }
    EXPECT_GT(measured, 0u) << NameOf(type);
  }
}

TEST(EffortErrorTest, EveryTypeWithAChoiceHasHigherEfforts) {
  for (const TensorType type : Types()) {
    const bool has_more = FindEncoder(type, Effort::kStandard)->effort != Effort::kReference;
    EXPECT_NE(has_more, IsOptimal(type)) << NameOf(type);
  }
}

TEST(EffortErrorTest, IsBelowTheReferencesOnTheGoldenRows) {
  const absl::StatusOr<EffortMatrices> golden = GoldenMatrices();
  ASSERT_TRUE(golden.ok()) << golden.status();
  ExpectLessErrorThanTheReference(*golden);
}

TEST(EffortErrorTest, IsBelowTheReferencesOnATrainedModel) {
  const absl::StatusOr<EffortMatrices> model = ModelMatrices(kRowStep);
  ASSERT_TRUE(model.ok()) << model.status();
  ExpectLessErrorThanTheReference(*model);
}

// Ratios at kMax, with importance. For the K and legacy types half of the distance between the
// reference and codes with free real-valued scales, on heavy-tailed rows.
struct MaxBound {
  TensorType type;
  double heavy_tailed;
  double golden;  // 1: no more than being below the reference's
  double model;
};

// One row of the golden rows decides for two types. IQ2_S: its blocks of least error are at 0.954
// there, before their scale is made larger for lower divergence. Q5_K: a block with an outlier of
// 30 times its neighbours makes up 95 % of the sum.
constexpr MaxBound kMaxBounds[] = {
    {TensorType::kQ4_0, 0.997, 0.997, 0.997}, {TensorType::kQ2_K, 0.952, 0.952, 1.0},
    {TensorType::kQ3_K, 0.992, 0.992, 1.0},   {TensorType::kQ4_K, 0.957, 0.957, 0.957},
    {TensorType::kQ5_K, 0.903, 0.917, 0.903}, {TensorType::kIQ2_XXS, 0.95, 0.95, 0.95},
    {TensorType::kIQ2_XS, 0.95, 0.95, 0.95},  {TensorType::kIQ2_S, 0.95, 0.962, 0.95},
    {TensorType::kIQ3_XXS, 0.95, 0.95, 0.95}, {TensorType::kIQ3_S, 0.95, 0.95, 0.95},
    {TensorType::kIQ1_S, 0.95, 0.95, 0.95},   {TensorType::kIQ1_M, 0.95, 0.95, 0.95},
};

double MaxRatio(TensorType type, const EffortMatrices& matrices) {
  const std::vector<EffortError> errors = MeasureEfforts(type, matrices, true);
  EXPECT_FALSE(errors.empty()) << NameOf(type);
  return errors.empty() ? 1.0 : errors.back().ratio.total;
}

TEST(EffortErrorTest, MaxReachesItsBounds) {
  const EffortMatrices heavy_tailed = HeavyTailedMatrices();
  const absl::StatusOr<EffortMatrices> golden = GoldenMatrices();
  const absl::StatusOr<EffortMatrices> model = ModelMatrices(kRowStep);
  ASSERT_TRUE(golden.ok()) << golden.status();
  ASSERT_TRUE(model.ok()) << model.status();
  for (const MaxBound& bound : kMaxBounds) {
    EXPECT_LE(MaxRatio(bound.type, heavy_tailed), bound.heavy_tailed) << NameOf(bound.type);
    EXPECT_LE(MaxRatio(bound.type, *golden), bound.golden) << NameOf(bound.type);
    EXPECT_LE(MaxRatio(bound.type, *model), bound.model) << NameOf(bound.type);
  }
}

}  // namespace
}  // namespace gguf
