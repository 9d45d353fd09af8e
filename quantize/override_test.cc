#include "quantize/override.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::HasSubstr;

TEST(ParseOverrideTest, ReadsEveryType) {
  struct Case {
    const char* text;
    const char* key;
    Value value;
  };
  const Case cases[] = {
      {"a.b=int:8192", "a.b", Value(uint32_t{8192})},
      {"a.b=int:-3", "a.b", Value(uint32_t{3})},
      {"a.b=int:4294967295", "a.b", Value(uint32_t{4294967295})},
      {"a=float:1e6", "a", Value(1e6f)},
      {"a=float:-0.5", "a", Value(-0.5f)},
      {"a=bool:true", "a", Value(true)},
      {"a=bool:false", "a", Value(false)},
      {"a=str:", "a", Value("")},
      {"a=str:x=y: z", "a", Value("x=y: z")},
      {"a=int:=1", nullptr, Value()},
      {"a", nullptr, Value()},
      {"=int:1", nullptr, Value()},
      {"a=", nullptr, Value()},
      {"a=1", nullptr, Value()},
      {"a=u32:1", nullptr, Value()},
      {"a=INT:1", nullptr, Value()},
      {"a=int:", nullptr, Value()},
      {"a=int:1.5", nullptr, Value()},
      {"a=int:4294967296", nullptr, Value()},
      {"a=int:-9223372036854775808", nullptr, Value()},
      {"a=int:99999999999999999999", nullptr, Value()},
      {"a=float:", nullptr, Value()},
      {"a=float:nan", nullptr, Value()},
      {"a=float:1e39", nullptr, Value()},
      {"a=bool:1", nullptr, Value()},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseOverride(c.text);
    ASSERT_EQ(parsed.ok(), c.key != nullptr) << c.text;
    if (!parsed.ok()) {
      EXPECT_THAT(parsed.status().message(), HasSubstr(absl::StrCat("'", c.text, "'")));
      continue;
    }
    EXPECT_EQ(parsed->first, c.key);
    EXPECT_EQ(parsed->second, c.value) << c.text;
  }
}

TEST(ParseOverrideTest, LimitsKeysAndStrings) {
  const std::string longest(127, 'x');
  EXPECT_TRUE(ParseOverride(absl::StrCat(longest, "=str:", longest)).ok());
  EXPECT_FALSE(ParseOverride(absl::StrCat(longest, "x=str:a")).ok());
  EXPECT_FALSE(ParseOverride(absl::StrCat("a=str:", longest, "x")).ok());
}

}  // namespace
}  // namespace gguf
