#include "importance/merge.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ImportanceData Data(std::map<std::string, ImportanceEntry> entries, std::string dataset,
                    uint32_t chunk_size = 4) {
  return {std::move(entries), {dataset}, 0, chunk_size, dataset + ".gguf"};
}

std::string ErrorOf(const ImportanceData& more, ImportanceData total) {
  const ImportanceData before = total;
  const absl::Status status = MergeImportance(more, &total);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(total.entries.size(), before.entries.size());
  EXPECT_EQ(total.datasets, before.datasets);
  return std::string(status.message());
}

TEST(MergeImportanceTest, AddsSumsAndCountsAndCountsChunksAgain) {
  ImportanceData total = Data({{"a", {{1, 2}, {8}}}, {"b", {{5}, {4}}}}, "x");
  total.chunk_count = 77;
  ASSERT_TRUE(MergeImportance(Data({{"a", {{3, 4}, {5}}}, {"c", {{6}, {1}}}}, "y"), &total).ok());
  EXPECT_THAT(total.entries.at("a").sums, ElementsAre(4, 6));
  EXPECT_THAT(total.entries.at("a").counts, ElementsAre(13));
  EXPECT_THAT(total.entries.at("b").sums, ElementsAre(5));
  EXPECT_THAT(total.entries.at("c").counts, ElementsAre(1));
  EXPECT_THAT(total.datasets, ElementsAre("x", "y"));
  EXPECT_EQ(total.chunk_count, 3);  // floor(13 / 4)
}

TEST(MergeImportanceTest, IntoNothing) {
  ImportanceData total;
  ASSERT_TRUE(MergeImportance(Data({{"a", {{1}, {8}}}}, "x"), &total).ok());
  EXPECT_EQ(total.chunk_size, 4);
  EXPECT_EQ(total.chunk_count, 2);
}

// Legacy files have one count for all experts.
TEST(MergeImportanceTest, SingleCountsStandForAllExperts) {
  ImportanceData total = Data({{"e", {{1, 2, 3, 4}, {10}}}}, "old");
  ASSERT_TRUE(MergeImportance(Data({{"e", {{1, 1, 1, 1}, {3, 0}}}}, "new"), &total).ok());
  EXPECT_THAT(total.entries.at("e").sums, ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(total.entries.at("e").counts, ElementsAre(13, 10));
}

TEST(MergeImportanceTest, RefusesWhatDoesNotFit) {
  const ImportanceData experts = Data({{"a", {{1}, {1}}}, {"e", {{1, 2}, {3, 0}}}}, "x");
  EXPECT_EQ(ErrorOf(Data({{"a", {{1}, {1}}}, {"e", {{1, 2}, {3}}}}, "y"), experts),
            "y.gguf: entry 'e' has 1 counts, expected 2 as before, one per expert; name files of "
            "the legacy format first");
  EXPECT_EQ(
      ErrorOf(Data({{"a", {{1}, {1}}}, {"e", {{1, 2, 3}, {3}}}}, "y"), experts),
      "y.gguf: entry 'e' has 3 values, expected 2 as in x.gguf; merge files of the same model "
      "only");
}

TEST(MergeImportanceTest, RefusesOverflow) {
  const ImportanceData great = Data({{"a", {{3e38f}, {int64_t{1} << 53}}}}, "x");
  EXPECT_THAT(ErrorOf(Data({{"a", {{3e38f}, {1}}}}, "y"), great), HasSubstr("value 0 infinite"));
  EXPECT_THAT(ErrorOf(Data({{"a", {{0}, {1}}}}, "y"), great), HasSubstr("more than 2^53 rows"));
  EXPECT_THAT(ErrorOf(Data({{"a", {{INFINITY}, {1}}}}, "y"), ImportanceData()),
              HasSubstr("value 0 infinite"));
}

TEST(CountTokensTest, ConvertsLegacyDataOnly) {
  ImportanceData legacy = Data({{"a", {{1.5f}, {2}}}}, "x", 0);
  CountTokens(100, &legacy);
  EXPECT_THAT(legacy.entries.at("a").sums, ElementsAre(150));
  EXPECT_THAT(legacy.entries.at("a").counts, ElementsAre(200));
  EXPECT_EQ(legacy.chunk_size, 100);
  CountTokens(7, &legacy);
  EXPECT_THAT(legacy.entries.at("a").counts, ElementsAre(200));
  EXPECT_EQ(CountChunks(legacy), 2);
}

}  // namespace
}  // namespace gguf
