#include "quantize/encode/refine/grid_refine.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <vector>

#include "gtest/gtest.h"
#include "quantize/encode/encoder_test_cases.h"
#include "quantize/encode/grid_types.h"

namespace gguf {
namespace {

// The least errors of a run over all points of the codebook: with the signs of x, and with one
// turned over.
struct RunErrors {
  double even = DBL_MAX;
  double odd = DBL_MAX;
};

template <class Type>
RunErrors LeastErrors(const float* x, const float* weights, double scale) {
  RunErrors least;
  for (const auto& point : Type::kCodebook) {
    double error = 0.0, cheapest = DBL_MAX;
    for (size_t k = 0; k < Type::kType.run; ++k) {
      const double magnitude = std::fabs(x[k]);
      const double right = weights[k] * std::pow(magnitude - scale * point[k], 2);
      const double wrong = weights[k] * std::pow(magnitude + scale * point[k], 2);
      error += right;
      cheapest = std::min(cheapest, wrong - right);
    }
    least.even = std::min(least.even, error);
    least.odd = std::min(least.odd, error + cheapest);
  }
  return least;
}

// The least error of the eight values from x on that the format allows under `scale`.
template <class Type>
double LeastErrorOfEight(const float* x, const float* weights, double scale) {
  double even = 0.0, odd = DBL_MAX;
  bool parity = false;
  for (size_t first = 0; first < 8; first += Type::kType.run) {
    const RunErrors run = LeastErrors<Type>(x + first, weights + first, scale);
    odd = first == 0 ? run.odd : std::min(even + run.odd, odd + run.even);
    even += run.even;
  }
  for (size_t i = 0; i < 8; ++i) parity ^= x[i] < 0.0f;
  return Type::kType.even_signs && parity ? odd : even;
}

template <class Type>
class GridRefineTest : public testing::Test {};

using Types = testing::Types<TypeIQ2_XXS, TypeIQ2_XS, TypeIQ2_S, TypeIQ3_XXS, TypeIQ3_S>;
TYPED_TEST_SUITE(GridRefineTest, Types);

// Under the scales that a block stores no points and signs have a lower error than those chosen. (A
// thousandth for the last fit of d, after which they are not searched again.)
TYPED_TEST(GridRefineTest, PointsAreTheBestUnderTheStoredScales) {
  constexpr GridType kType = TypeParam::kType;
  constexpr size_t kBlocks = 4;
  const std::vector<float> rows = RandomRows(1, kBlocks * kGridBlockValues).values;
  const std::vector<float> importance = WeightVectors(3, kGridBlockValues)[0].values;
  for (size_t n = 0; n < kBlocks; ++n) {
    const float* x = rows.data() + n * kGridBlockValues;
    float weights[kGridBlockValues];
    GridBlockWeights(kType, kRefinedPlainSigma2, x, importance.data(), weights);
    GridBest best;
    ASSERT_TRUE(RefineGridBlock(kType, HalvesOf<TypeParam>(), TypeParam::kUnit, GridMax(kType), x,
                                weights, best));
    double error = best.error, least = 0.0;
    for (size_t i = 0; i < kGridBlockValues; ++i) error += weights[i] * std::pow(x[i], 2.0);
    for (size_t i = 0; i < kGridBlockValues; i += 8) {
      const int nibble = best.fits[i / kType.sub_values].nibble;
      const double scale = GridScale(best.d * TypeParam::kUnit, nibble);
      least += LeastErrorOfEight<TypeParam>(x + i, weights + i, scale);
    }
    EXPECT_LT(error, 1.001 * least) << "block " << n;
    EXPECT_GT(error, 0.999 * least) << "block " << n;
  }
}

// The starts are those with the least bounds, but for those next to a better one.
TEST(BestGridScalesTest, StartsAreApart) {
  GridEffort effort = kGridMaxRun4;
  effort.scales = 5;
  effort.starts = 3;
  const float candidates[] = {1.0f, 1.01f, 1.2f, 1.21f, 2.0f};
  const float bounds[] = {-4.0f, -5.0f, -3.0f, -3.0f, -1.0f};
  float starts[3];
  BestGridScales(effort, candidates, bounds, starts);
  EXPECT_EQ(starts[0], 1.01f);
  EXPECT_EQ(starts[1], 1.2f);
  EXPECT_EQ(starts[2], 2.0f);
}

TEST(NibbleBelowTest, IsTheLastNotAboveTheScale) {
  EXPECT_EQ(NibbleBelow(0.0f, 1.0f), 0);
  EXPECT_EQ(NibbleBelow(2.9f, 1.0f), 0);
  EXPECT_EQ(NibbleBelow(3.0f, 1.0f), 1);
  EXPECT_EQ(NibbleBelow(30.0f, 1.0f), 14);
  EXPECT_EQ(NibbleBelow(1000.0f, 1.0f), 14);
}

}  // namespace
}  // namespace gguf
