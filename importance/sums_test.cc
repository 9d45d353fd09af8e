#include "importance/sums.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ImportanceSumsTest, SumsSquaresPerColumnAndMatrix) {
  ImportanceSums sums;
  const std::vector<float> x = {1, 2, 3, -4};
  sums.AddRows("a", 1, 0, x.data(), 2, 2);
  sums.AddRows("b", 3, 1, x.data(), 1, 4);
  sums.AddRows("b", 3, 1, x.data(), 1, 4);
  const ImportanceData data = sums.ToData();
  EXPECT_THAT(data.entries.at("a").sums, ElementsAre(10, 20));
  EXPECT_THAT(data.entries.at("a").counts, ElementsAre(2));
  EXPECT_THAT(data.entries.at("b").sums, ElementsAre(0, 0, 0, 0, 2, 8, 18, 32, 0, 0, 0, 0));
  EXPECT_THAT(data.entries.at("b").counts, ElementsAre(0, 2, 0));
}

// Widths around the step of the inner loop.
TEST(ImportanceSumsTest, AllWidths) {
  for (size_t columns = 1; columns <= 50; ++columns) {
    std::vector<float> x(columns);
    for (size_t i = 0; i < columns; ++i) x[i] = static_cast<float>(i) - 7;
    ImportanceSums sums;
    sums.AddRows("a", 1, 0, x.data(), 1, columns);
    const ImportanceData data = sums.ToData();
    for (size_t i = 0; i < columns; ++i) {
      ASSERT_EQ(data.entries.at("a").sums[i], x[i] * x[i]) << columns << " " << i;
    }
  }
}

// A float32 sum would stand still at 2^24.
TEST(ImportanceSumsTest, LongTextsLoseNothing) {
  ImportanceSums sums;
  const float big = 4096;  // 2^24 squared
  const std::vector<float> ones(1000, 1);
  sums.AddRows("a", 1, 0, &big, 1, 1);
  sums.AddRows("a", 1, 0, ones.data(), 1000, 1);
  EXPECT_THAT(sums.ToData().entries.at("a").sums, ElementsAre(16777216 + 1000));
}

TEST(ImportanceSumsTest, ClearedSumsAreLeftOut) {
  ImportanceSums sums, total;
  const float x = 2;
  sums.AddRows("a", 1, 0, &x, 1, 1);
  ASSERT_TRUE(total.Add(sums).ok());
  sums.Clear();
  sums.AddRows("b", 1, 0, &x, 1, 1);
  EXPECT_EQ(sums.ToData().entries.size(), 1);
  ASSERT_TRUE(total.Add(sums).ok());
  EXPECT_THAT(total.ToData().entries.at("a").sums, ElementsAre(4));
  EXPECT_THAT(total.ToData().entries.at("a").counts, ElementsAre(1));
  EXPECT_THAT(total.ToData().entries.at("b").sums, ElementsAre(4));
}

TEST(ImportanceSumsTest, SumsThatAreNotFiniteNameTheirTensor) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::nanf(""), 3e19f}) {
    ImportanceSums sums, total;
    const std::vector<float> x = {1, 1, bad, 1};
    sums.AddRows("blk.3.ffn_up_exps.weight", 2, 1, x.data(), 1, 4);
    const absl::Status status = total.Add(sums);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("tensor 'blk.3.ffn_up_exps.weight': the sum of squared activations of "
                          "column 2 of expert 1 is "))
        << bad;
    EXPECT_TRUE(total.empty());
  }
}

// Each part is finite, their sum is not.
TEST(ImportanceSumsTest, SumsThatOverflowTogether) {
  ImportanceSums sums, total;
  const float x = 1.5e19f;
  sums.AddRows("a", 1, 0, &x, 1, 1);
  EXPECT_TRUE(total.Add(sums).ok());
  const absl::Status status = total.Add(sums);
  EXPECT_THAT(std::string(status.message()), HasSubstr("tensor 'a': the sum of squared"));
  EXPECT_THAT(total.ToData().entries.at("a").counts, ElementsAre(1));
}

}  // namespace
}  // namespace gguf
