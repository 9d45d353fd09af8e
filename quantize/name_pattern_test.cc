#include "quantize/name_pattern.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

bool IsIn(absl::string_view pattern, absl::string_view name) {
  const absl::StatusOr<NamePattern> compiled = NamePattern::Create(pattern);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  const absl::StatusOr<bool> is_in = compiled->IsIn(name);
  EXPECT_TRUE(is_in.ok()) << is_in.status();
  return *is_in;
}

TEST(NamePatternTest, IsSearchedAnywhere) {
  EXPECT_TRUE(IsIn("ffn_down", "blk.0.ffn_down.weight"));
  EXPECT_FALSE(IsIn("^ffn_down", "blk.0.ffn_down.weight"));
  EXPECT_TRUE(IsIn(R"(blk\.(1|2)\.attn_[qk])", "blk.2.attn_k.weight"));
}

TEST(NamePatternTest, TakesWhatEcmaScriptTakes) {
  EXPECT_TRUE(IsIn("ffn_(?!down)", "blk.0.ffn_up.weight"));
  EXPECT_FALSE(IsIn("ffn_(?!down)", "blk.0.ffn_down.weight"));
  EXPECT_TRUE(IsIn(R"(blk\.(\d)\1\.)", "blk.33.attn_q.weight"));
  EXPECT_FALSE(IsIn(R"(blk\.(\d)\1\.)", "blk.34.attn_q.weight"));
  EXPECT_TRUE(IsIn(R"(\u0061ttn)", "blk.0.attn_q.weight"));
  EXPECT_FALSE(IsIn("weight$", "blk.0.weight\n"));
  EXPECT_FALSE(IsIn("a[]", "a[]"));
}

TEST(NamePatternTest, SaysWhatIsWrong) {
  const absl::StatusOr<NamePattern> pattern = NamePattern::Create("attn_(");
  ASSERT_FALSE(pattern.ok());
  EXPECT_THAT(std::string(pattern.status().message()), HasSubstr("parenthesis at character 7"));
}

TEST(NamePatternTest, EndsASearchWithoutEnd) {
  const absl::StatusOr<NamePattern> pattern = NamePattern::Create("^(a+)+(b\\2|c)$");
  ASSERT_TRUE(pattern.ok()) << pattern.status();
  EXPECT_FALSE(pattern->IsIn(std::string(64, 'a') + "d").ok());
}

}  // namespace
}  // namespace gguf
