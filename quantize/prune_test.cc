#include "quantize/prune.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(LayerPruningTest, DropsAndRenumbersNames) {
  const std::vector<uint64_t> layers = {10, 1, 2, 1};
  const auto pruning = LayerPruning::Create(12, layers);
  ASSERT_TRUE(pruning.ok()) << pruning.status();
  EXPECT_EQ(pruning->num_remaining(), 9);
  struct Case {
    const char* before;
    const char* after;  // null: dropped
  };
  constexpr Case kCases[] = {
      {"blk.0.attn_q.weight", "blk.0.attn_q.weight"},
      {"blk.1.attn_q.weight", nullptr},
      {"blk.2.ffn_norm.weight", nullptr},
      {"blk.3.attn_q.weight", "blk.1.attn_q.weight"},
      {"blk.9.attn_q.weight", "blk.7.attn_q.weight"},
      {"blk.10.attn_q.weight", nullptr},
      {"blk.11.attn_q.weight", "blk.8.attn_q.weight"},
      {"output.weight", "output.weight"},
      {"v.blk.1.attn_q.weight", "v.blk.1.attn_q.weight"},  // the vision tower's layers
      {"blk.1x.weight", "blk.1x.weight"},
      {"blk..weight", "blk..weight"},
      {"blk.1", "blk.1"},
      {"blk.99999999999999999999.weight", "blk.99999999999999999999.weight"},
  };
  for (const Case& c : kCases) {
    const absl::optional<std::string> name = pruning->NewName(c.before);
    ASSERT_EQ(name.has_value(), c.after != nullptr) << c.before;
    if (name.has_value()) {
      EXPECT_EQ(*name, c.after);
    }
  }
}

TEST(LayerPruningTest, WithoutLayersChangesNothing) {
  const LayerPruning pruning;
  EXPECT_TRUE(pruning.empty());
  EXPECT_EQ(pruning.NewName("blk.007.x.weight"), "blk.007.x.weight");
  Metadata metadata;
  EXPECT_TRUE(pruning.UpdateMetadata(&metadata).ok());
  EXPECT_EQ(metadata.size(), 0);
}

TEST(LayerPruningTest, RefusesLayersThatDoNotExist) {
  const std::vector<uint64_t> beyond = {0, 4};
  EXPECT_THAT(LayerPruning::Create(4, beyond).status().message(),
              HasSubstr("cannot prune layer 4: the model has 4 layers"));
  const std::vector<uint64_t> all = {0, 1};
  EXPECT_THAT(LayerPruning::Create(2, all).status().message(), HasSubstr("leaves no model"));
}

TEST(LayerPruningTest, UpdatesMetadata) {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("llama"));
  metadata.Set("llama.block_count", uint32_t{4});
  metadata.Set("llama.attention.head_count", uint32_t{32});
  metadata.Set("llama.attention.head_count_kv", std::vector<int32_t>{1, 2, 3, 4});
  metadata.Set("llama.attention.sliding_window_pattern", Array{Bools{{1, 1, 1, 0}}});
  metadata.Set("llama.rope.dimension_sections", std::vector<int32_t>{5, 6, 7, 8});
  const std::vector<uint64_t> layers = {1};
  const auto pruning = LayerPruning::Create(4, layers);
  ASSERT_TRUE(pruning.ok());
  ASSERT_TRUE(pruning->UpdateMetadata(&metadata).ok());
  EXPECT_EQ(*metadata.Find("llama.block_count"), Value(uint32_t{3}));
  EXPECT_EQ(*metadata.Find("llama.attention.head_count"), Value(uint32_t{32}));
  EXPECT_EQ(*metadata.Find("llama.attention.head_count_kv"), Value(std::vector<int32_t>{1, 3, 4}));
  EXPECT_EQ(*metadata.Find("llama.attention.sliding_window_pattern"),
            Value(Array{Bools{{1, 1, 0}}}));
  EXPECT_EQ(*metadata.Find("llama.rope.dimension_sections"),
            Value(std::vector<int32_t>{5, 6, 7, 8}));
}

TEST(LayerPruningTest, NeedsAnArchitecture) {
  const std::vector<uint64_t> layers = {0};
  Metadata metadata;
  EXPECT_THAT(LayerPruning::Create(2, layers)->UpdateMetadata(&metadata).message(),
              HasSubstr("general.architecture"));
}

TEST(ParseLayerListTest, ReadsNumbers) {
  EXPECT_THAT(*ParseLayerList("3,5,20"), ElementsAre(3, 5, 20));
  EXPECT_THAT(*ParseLayerList("0"), ElementsAre(0));
  for (const char* bad : {"", "3,", "3,,4", "-1", "a", "3 4", " 3", "99999999999"}) {
    EXPECT_FALSE(ParseLayerList(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace gguf
