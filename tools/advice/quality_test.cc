#include "tools/advice/quality.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

constexpr char kPublished[] = "source\tweights\there\nweights\tQ8_0\tno\t0.1\t0.001\n";
constexpr char kMeasured[] =
    "| type | importance | KL: reference | standard | same top word |\n"
    "| --- | --- | ---: | ---: | ---: |\n"
    "| Q4_0 | yes | 0.5 | 0.4 | 0.9 |\n"
    "| Q4_0 | no | 0.7 | 0.6 | 0.8 |\n";

TEST(QualityTables, BuiltInFiguresAreRead) {
  const QualityTables& tables = QualityTables::Get();
  EXPECT_EQ(tables.published().size(), 35);
  EXPECT_GE(tables.measured().size(), 20);
  for (const auto* figures : {&tables.published(), &tables.measured()}) {
    for (const QualityFigure& figure : *figures) {
      EXPECT_TRUE(ParseRecipe(figure.type).ok()) << figure.type;
    }
  }
  const QualityFigure* figure = tables.Published("Q4_K_M", /*may_have_importance=*/false);
  ASSERT_NE(figure, nullptr);
  EXPECT_EQ(figure->divergence, 0.0313);
  EXPECT_NEAR(figure->perplexity_rise, 6.4071 / 6.2316 - 1, 1e-12);
  EXPECT_FALSE(figure->has_importance);
  EXPECT_EQ(tables.Published("Q4_K_M", /*may_have_importance=*/true)->divergence, 0.0282);
  EXPECT_FALSE(tables.weights_source().empty());
  EXPECT_FALSE(tables.cache_source().empty());
}

// Our own figures must be those of the default effort, which are lower than the reference's.
TEST(QualityTables, MeasuredFiguresAreOfTheDefaultEffort) {
  const absl::StatusOr<QualityTables> tables = QualityTables::Parse(kPublished, kMeasured);
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ(tables->Measured("q4_0", true)->divergence, 0.4);
  EXPECT_EQ(tables->Measured("Q4_0", false)->divergence, 0.6);
  EXPECT_EQ(tables->Measured("Q4_0", false)->same_top, 0.8);
  EXPECT_EQ(tables->Measured("Q8_0", true), nullptr);
}

TEST(QualityTables, TypesThatNeedImportanceHaveNoFigureWithout) {
  const QualityTables& tables = QualityTables::Get();
  EXPECT_EQ(tables.Published("IQ2_M", false), nullptr);
  EXPECT_NE(tables.Published("IQ2_M", true), nullptr);
}

TEST(QualityTables, Caches) {
  const QualityTables& tables = QualityTables::Get();
  EXPECT_EQ(tables.CacheDivergence(TensorType::kF16, TensorType::kF16), 0);
  EXPECT_EQ(tables.CacheDivergence(TensorType::kQ8_0, TensorType::kQ8_0), 0.000791);
  EXPECT_GT(tables.CacheDivergence(TensorType::kQ8_0, TensorType::kF16),
            tables.CacheDivergence(TensorType::kF16, TensorType::kQ8_0));
  EXPECT_GT(tables.CacheDivergence(TensorType::kQ4_0, TensorType::kQ4_0),
            tables.CacheDivergence(TensorType::kQ8_0, TensorType::kQ8_0));
  EXPECT_LT(tables.CacheDivergence(TensorType::kQ4_1, TensorType::kF16), 0);
}

TEST(QualityTables, WrongTablesAreRefused) {
  const struct {
    std::string published, measured, error;
  } cases[] = {
      {"weights\tQ8_0\tno\t0.1\n", kMeasured,
       "line 1: 'weights' with 3 values, expected source, weights or cache"},
      {"# x\n\nweights\tQ8_0\tmaybe\t0.1\t0.1\n", kMeasured, "line 3: 'maybe', expected yes or no"},
      {"weights\tQ8_0\tno\tnan\t0.1\n", kMeasured,
       "line 1: 'nan', expected a number from 0 to 100"},
      {"weights\tQ8_0\tno\t0\t-1\n", kMeasured, "line 1: '-1', expected a number from 0 to 100"},
      {"cache\tQ8_9\tF16\t0\n", kMeasured, ""},
      {kPublished, "", "no table of measured quality, expected rows of '| type |'"},
      {kPublished, "| type | importance | same top word |\n",
       "line 1: expected a column 'KL: reference'"},
      {kPublished, "| type | importance | same top word | KL: reference |\n",
       "line 1: expected a column 'KL: reference'"},
      {kPublished, std::string(kMeasured) + "| Q4_0 | no |\n", "line 5: 2 cells, expected 5"},
      {kPublished, std::string(kMeasured) + "| Q4_0 | no | 1 | x | 1 |\n",
       "line 5: 'x', expected a number from 0 to 100"},
  };
  for (const auto& test : cases) {
    const absl::Status status = QualityTables::Parse(test.published, test.measured).status();
    ASSERT_FALSE(status.ok()) << test.error;
    if (!test.error.empty()) {
      EXPECT_EQ(status.message(), test.error);
    }
  }
}

}  // namespace
}  // namespace gguf
