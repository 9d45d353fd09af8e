#include "gguf/edit/parse_value.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(ParseValue, ReadsEveryType) {
  const struct {
    const char* text;
    Value value;
  } kCases[] = {
      {"k=uint8:255", Value(uint8_t{255})},
      {"k=i8:-128", Value(int8_t{-128})},
      {"k=UINT16:65535", Value(uint16_t{65535})},
      {"k=int16:-1", Value(int16_t{-1})},
      {"k=u32:4294967295", Value(uint32_t{4294967295u})},
      {"k=int:-5", Value(int32_t{-5})},
      {"k=uint64:18446744073709551615", Value(~uint64_t{0})},
      {"k=i64:-9223372036854775808", Value(std::numeric_limits<int64_t>::min())},
      {"k=float:0.1", Value(0.1f)},
      {"k=f64:1e300", Value(1e300)},
      {"k=bool:true", Value(true)},
      {"k=bool:false", Value(false)},
      {"k=string:a=b:c, d", Value("a=b:c, d")},
      {"k=str:", Value("")},
      {"k=uint32[]:1,2,3", Value(std::vector<uint32_t>{1, 2, 3})},
      {"k=uint32[]:", Value(std::vector<uint32_t>{})},
      {"k=bool[]:true,false", Value(Array{Bools{{1, 0}}})},
      {"k=string[]:a,b\\,c,\\\\,", Value(std::vector<std::string>{"a", "b,c", "\\", ""})},
  };
  for (const auto& c : kCases) {
    const auto parsed = ParseKeyValue(c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->first, "k");
    EXPECT_EQ(parsed->second, c.value) << c.text;
  }
}

TEST(ParseValue, RefusesWhatDoesNotFit) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"", "is no KEY=TYPE:VALUE"},
      {"k", "is no KEY=TYPE:VALUE"},
      {"k=5", "is no KEY=TYPE:VALUE"},
      {"=uint8:5", "is no KEY=TYPE:VALUE"},
      {"k=uint8:256", "key 'k': '256' is no uint8"},
      {"k=uint8:-1", "is no uint8"},
      {"k=int8:128", "is no int8"},
      {"k=u64:18446744073709551616", "is no u64"},
      {"k=uint32:", "is no uint32"},
      {"k=uint32:1.5", "is no uint32"},
      {"k=float:x", "is no float"},
      {"k=bool:yes", "is no bool"},
      {"k=array:1", "type 'array' is unknown"},
      {"k=uint32[][]:1", "type 'uint32[][]' is unknown"},
      {"k=uint32[]:1,,2", "is no uint32[]"},
      {"k=string:\xff", "is no string"},
      {"\xff=bool:true", "not UTF-8"},
  };
  for (const auto& c : kCases) {
    const auto parsed = ParseKeyValue(c.text);
    ASSERT_FALSE(parsed.ok()) << c.text;
    EXPECT_TRUE(absl::StrContains(parsed.status().message(), c.message)) << parsed.status();
  }
}

}  // namespace
}  // namespace gguf
