#include "importance/statistics.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;

const TensorStatistics& Of(const ImportanceStatistics& statistics, const std::string& name) {
  for (const TensorStatistics& tensor : statistics.tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << name;
  return statistics.tensors[0];
}

ImportanceStatistics Of(std::map<std::string, ImportanceEntry> entries) {
  return ComputeStatistics({std::move(entries), {}, 0, 8, "x"});
}

// Means 1, 1, 2, 4, of 8.
TEST(StatisticsTest, OfOneTensor) {
  const auto all = Of({{"blk.2.attn_k.weight", {{2, 2, 4, 8}, {2}}}});
  const TensorStatistics& s = all.tensors.at(0);
  EXPECT_EQ(s.layer, 2);
  EXPECT_EQ(s.base_name, "attn_k");
  EXPECT_EQ(s.num_values, 4);
  EXPECT_DOUBLE_EQ(s.total, 8);
  EXPECT_DOUBLE_EQ(s.least, 1);
  EXPECT_DOUBLE_EQ(s.greatest, 4);
  EXPECT_DOUBLE_EQ(s.mean, 2);
  EXPECT_DOUBLE_EQ(s.deviation, std::sqrt(22.0 / 4 - 4));
  EXPECT_DOUBLE_EQ(s.active, 1);
  EXPECT_DOUBLE_EQ(s.entropy, 2 * 3.0 / 8 + 2.0 / 4 + 1.0 / 2);
  EXPECT_DOUBLE_EQ(s.normalized_entropy, 1.75 / 2);
  EXPECT_DOUBLE_EQ(s.z_score_density, 0.25);
  EXPECT_EQ(s.cosine_similarity, 0);
}

TEST(StatisticsTest, ExpertsWithoutRowsCountForNothing) {
  const auto all = Of({{"blk.0.ffn_up_exps.weight", {{6, 0, 9, 9, 4, 4}, {3, 0, 2}}}});
  const TensorStatistics& s = all.tensors.at(0);
  EXPECT_EQ(s.num_values, 4);  // 2, 0, 2, 2
  EXPECT_DOUBLE_EQ(s.total, 6);
  EXPECT_DOUBLE_EQ(s.active, 0.75);
  EXPECT_EQ(s.num_experts, 3);
  EXPECT_EQ(s.num_unused, 1);
  EXPECT_EQ(s.least_rows, 0);
  EXPECT_EQ(s.most_rows, 3);
}

TEST(StatisticsTest, SimilarityIsToTheSameTensorOfTheLayerBefore) {
  const auto all = Of({{"blk.9.a.weight", {{3, 4}, {1}}},
                       {"blk.10.a.weight", {{4, 3}, {7}}},
                       {"blk.10.b.weight", {{4, 3}, {7}}},
                       {"blk.11.a.weight", {{4, 3, 1}, {7}}},
                       {"output.weight", {{1, 1}, {1}}}});
  EXPECT_DOUBLE_EQ(Of(all, "blk.10.a.weight").cosine_similarity, 24.0 / 25);
  for (const char* name :
       {"blk.9.a.weight", "blk.10.b.weight", "blk.11.a.weight", "output.weight"}) {
    EXPECT_EQ(Of(all, name).cosine_similarity, 0) << name;
  }
  EXPECT_EQ(Of(all, "output.weight").layer, -1);
  EXPECT_EQ(Of(all, "output.weight").base_name, "output");
}

TEST(StatisticsTest, SortedByBaseNameThenTotal) {
  const auto all = Of({{"blk.0.b.weight", {{1}, {1}}},
                       {"blk.1.b.weight", {{5}, {1}}},
                       {"blk.1.a.weight", {{1}, {1}}}});
  std::vector<std::string> names;
  for (const TensorStatistics& tensor : all.tensors) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("blk.1.a.weight", "blk.1.b.weight", "blk.0.b.weight"));
}

TEST(StatisticsTest, LayersAreWeightedByValues) {
  const auto all = Of({{"blk.0.a.weight", {{1, 1, 1}, {1}}},
                       {"blk.0.b.weight", {{7}, {1}}},
                       {"blk.4.a.weight", {{2}, {1}}},
                       {"output.weight", {{100}, {1}}}});
  ASSERT_EQ(all.layers.size(), 2);
  EXPECT_EQ(all.layers[0].layer, 0);
  EXPECT_DOUBLE_EQ(all.layers[0].total, (3 * 3 + 1 * 7) / 4.0);
  EXPECT_EQ(all.layers[1].layer, 4);
  EXPECT_DOUBLE_EQ(all.layers[1].total, 2);
}

TEST(StatisticsTest, NothingMeasured) {
  const auto all = Of({{"blk.0.a.weight", {{0, 0}, {0}}}, {"blk.x", {{0, 0}, {1}}}});
  EXPECT_EQ(Of(all, "blk.0.a.weight").num_values, 0);
  EXPECT_EQ(Of(all, "blk.0.a.weight").entropy, 0);
  EXPECT_EQ(Of(all, "blk.x").layer, -1);
  EXPECT_EQ(Of(all, "blk.x").normalized_entropy, 0);
  EXPECT_TRUE(ComputeStatistics({}).tensors.empty());
}

}  // namespace
}  // namespace gguf
