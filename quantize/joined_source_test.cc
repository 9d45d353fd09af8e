#include "quantize/joined_source.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;

TEST(JoinedSourceTest, TensorsFollowEachOther) {
  MemorySource a, b;
  a.mutable_metadata()->Set("general.architecture", "gemma3");
  b.mutable_metadata()->Set("general.architecture", "clip");
  a.Add("x", {2, 1}, {1, 2});
  a.Add("y", {1, 1}, {3});
  b.Add("v.z", {3, 1}, {4, 5, 6});
  a.set_input_paths({"a.gguf"});
  b.set_input_paths({"b.gguf", "c.json"});
  a.set_shard_of({0, 1});
  const JoinedSource joined({&a, &b});
  ASSERT_EQ(joined.tensors().size(), 3u);
  EXPECT_EQ(joined.tensors()[2].name, "v.z");
  EXPECT_EQ(joined.first_of(1), 2u);
  EXPECT_EQ(*joined.metadata().GetString("general.architecture"), "gemma3");
  EXPECT_THAT(joined.input_paths(), ElementsAre("a.gguf", "b.gguf", "c.json"));
  EXPECT_EQ(joined.num_shards(), 2u);
  EXPECT_EQ(joined.shard_of(1), 1u);
  EXPECT_EQ(joined.shard_of(2), 0u);

  float values[2] = {};
  auto* bytes = reinterpret_cast<uint8_t*>(values);
  ASSERT_TRUE(joined.ReadRows(2, 1, 2, absl::MakeSpan(bytes, 8)).ok());
  EXPECT_THAT(values, ElementsAre(5, 6));
  ASSERT_TRUE(joined.ReadRows(1, 0, 1, absl::MakeSpan(bytes, 4)).ok());
  EXPECT_EQ(values[0], 3);
  EXPECT_EQ(joined.ReadRows(3, 0, 1, absl::MakeSpan(bytes, 4)).code(),
            absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace gguf
