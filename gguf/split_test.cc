#include "gguf/split.h"

#include "absl/strings/str_cat.h"
#include "gguf/limits.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using Ranges = std::vector<std::pair<size_t, size_t>>;

std::vector<TensorSpec> TensorsOfBytes(const std::vector<uint64_t>& sizes) {
  std::vector<TensorSpec> tensors;
  for (size_t i = 0; i < sizes.size(); ++i) {
    tensors.push_back({absl::StrCat("t", i), TensorType::kI8, Shape{sizes[i]}});
  }
  return tensors;
}

TEST(Split, NamesShards) {
  EXPECT_EQ(ShardName("a/m", 0, 3), "a/m-00001-of-00003.gguf");
  EXPECT_EQ(ShardName("m", 65534, 65535), "m-65535-of-65535.gguf");
  EXPECT_EQ(*ShardPrefix("a/m-00002-of-00003.gguf", 1, 3), "a/m");
  EXPECT_EQ(*ShardPrefix("-00001-of-00001.gguf", 0, 1), "");
  for (const char* path : {"m.gguf", "m-00001-of-00003.gguf", "m-00002-of-00004.gguf",
                           "m-00002-of-00003.GGUF", "m-2-of-3.gguf", ""}) {
    EXPECT_FALSE(ShardPrefix(path, 1, 3).ok()) << path;
  }
}

TEST(Split, DividesTensors) {
  const struct {
    std::vector<uint64_t> bytes;
    uint64_t max_tensors, max_bytes;
    bool no_tensor_first_split;
    Ranges ranges;
  } kCases[] = {
      {{}, 0, 0, false, {{0, 0}}},
      {{}, 2, 0, true, {{0, 0}}},
      {{1, 1, 1}, 0, 0, false, {{0, 3}}},
      {{1, 1, 1}, 0, 0, true, {{0, 0}, {0, 3}}},
      {{1, 1, 1}, 1, 0, false, {{0, 1}, {1, 2}, {2, 3}}},
      {{1, 1, 1, 1}, 2, 0, false, {{0, 2}, {2, 4}}},
      {{1, 1, 1, 1, 1}, 2, 0, false, {{0, 2}, {2, 4}, {4, 5}}},
      {{1, 1, 1}, 2, 0, true, {{0, 0}, {0, 2}, {2, 3}}},
      {{1, 1, 1}, 3, 0, false, {{0, 3}}},
      // Sizes count padded: 1 byte is 32.
      {{1, 1, 1}, 0, 64, false, {{0, 2}, {2, 3}}},
      {{1, 1, 1}, 0, 63, false, {{0, 1}, {1, 2}, {2, 3}}},
      {{32, 32, 33}, 0, 96, false, {{0, 2}, {2, 3}}},
      {{1, 1000, 1, 1}, 0, 64, false, {{0, 1}, {1, 2}, {2, 4}}},
      {{1000, 1}, 0, 64, false, {{0, 1}, {1, 2}}},
      {{1000, 1}, 0, 64, true, {{0, 0}, {0, 1}, {1, 2}}},
      {{1, 1, 1, 1}, 3, 64, false, {{0, 2}, {2, 4}}},
  };
  for (const auto& c : kCases) {
    SplitOptions options;
    options.max_tensors = c.max_tensors;
    options.max_bytes = c.max_bytes;
    options.no_tensor_first_split = c.no_tensor_first_split;
    const auto ranges = SplitTensors(TensorsOfBytes(c.bytes), 32, options);
    ASSERT_TRUE(ranges.ok()) << ranges.status();
    EXPECT_EQ(*ranges, c.ranges);
  }
}

TEST(Split, RefusesTooManyShards) {
  SplitOptions options;
  options.max_tensors = 1;
  EXPECT_TRUE(SplitTensors(TensorsOfBytes(std::vector<uint64_t>(65535, 1)), 32, options).ok());
  EXPECT_FALSE(SplitTensors(TensorsOfBytes(std::vector<uint64_t>(65536, 1)), 32, options).ok());
}

TEST(Split, RefusesBlocksThatDoNotFit) {
  EXPECT_FALSE(SplitTensors({{"t", TensorType::kQ8_0, Shape{31}}}, 32, SplitOptions()).ok());
}

TEST(Split, WritesSplitKeysWithTheirTypes) {
  Metadata metadata;
  metadata.Set("split.count", uint16_t{9});
  metadata.Set("a", true);
  const Metadata first = ShardMetadata(metadata, 0, 2, 7);
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first.entries()[0].first, "a");
  EXPECT_EQ(first.entries()[1], Metadata::Entry("split.no", Value(uint16_t{0})));
  EXPECT_EQ(first.entries()[2], Metadata::Entry("split.tensors.count", Value(int32_t{7})));
  EXPECT_EQ(first.entries()[3], Metadata::Entry("split.count", Value(uint16_t{2})));
  const Metadata second = ShardMetadata(metadata, 1, 2, 7);
  EXPECT_EQ(second.size(), 3u);
  EXPECT_EQ(*second.Find("split.no"), Value(uint16_t{1}));
  const Metadata whole = ShardMetadata(first, 0, 1, 7);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole.entries()[0].first, "a");
}

}  // namespace
}  // namespace gguf
