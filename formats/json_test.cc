#include "formats/json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

TEST(Json, KeepsKindsAndOrder) {
  const absl::StatusOr<Json> json = ParseJson(
      "f", R"({"z": 18446744073709551615, "a": -1, "m": [null, true, 0.5, "t"], "e": {}})");
  ASSERT_TRUE(json.ok()) << json.status();
  ASSERT_NE(json->object(), nullptr);
  EXPECT_EQ((*json->object())[0].first, "z");
  EXPECT_EQ((*json->object())[1].first, "a");
  EXPECT_EQ(json->Find("z")->whole_number(), ~uint64_t{0});
  EXPECT_FALSE(json->Find("a")->whole_number().has_value());
  EXPECT_EQ(json->Find("a")->number(), -1.0);
  const Json::Array& list = *json->FindArray("m");
  EXPECT_TRUE(list[0].is_null());
  EXPECT_TRUE(*list[1].boolean());
  EXPECT_EQ(list[2].number(), 0.5);
  EXPECT_EQ(*list[3].string(), "t");
  EXPECT_TRUE(json->FindObject("e")->empty());
  EXPECT_EQ(json->Find("none"), nullptr);
  EXPECT_EQ(json->FindString("a"), nullptr);
}

TEST(Json, RefusesBrokenText) {
  const struct {
    std::string text;
    std::string message;
  } kCases[] = {
      {"", "not valid JSON at byte 1"},
      {"{", "not valid JSON at byte 2"},
      {"{} x", "not valid JSON at byte 4"},
      {std::string("{}\0x", 4), "not valid JSON at byte 3"},
      {"[1,]", "not valid JSON at byte 4"},
      {"[NaN]", "not valid JSON at byte 2"},
      {"[1e999]", "not valid JSON at byte"},
      {"\"\xff\"", "not valid JSON at byte 2"},
      {R"({"k": 1, "k": 2})", "the key \"k\" twice"},
      {R"([{"a": {"k": 1, "x": 2, "k": 2}}])", "the key \"k\" twice"},
      {std::string(65, '[') + std::string(65, ']'), "more than 64 levels"},
      {std::string(1 << 20, '['), "more than 64 levels"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<Json> json = ParseJson("file.json", test.text);
    ASSERT_FALSE(json.ok()) << test.text.substr(0, 40);
    EXPECT_THAT(std::string(json.status().message()), HasSubstr("file.json: "));
    EXPECT_THAT(std::string(json.status().message()), HasSubstr(test.message));
  }
  EXPECT_TRUE(ParseJson("f", std::string(64, '[') + std::string(64, ']')).ok());
}

TEST(Json, LimitsTheNumberOfValues) {
  std::string text = "[0";
  for (size_t i = 2; i < kMaxJsonValues; ++i) text += ",0";  // the list is a value too
  const absl::StatusOr<Json> json = ParseJson("f", text + ",0]");
  EXPECT_THAT(std::string(json.status().message()), HasSubstr("more than 8388608 values"));
}

TEST(Json, WantsAnObjectWhereAskedTo) {
  EXPECT_TRUE(ParseJsonObject("f", "{}").ok());
  EXPECT_THAT(std::string(ParseJsonObject("f", "[]").status().message()),
              HasSubstr("f: holds a list, expected an object"));
}

TEST(Json, DescribesValues) {
  const absl::StatusOr<Json> json = ParseJson("f", R"([null, false, 7, -3, 0.25, "a\nb", [], {}])");
  std::string all;
  for (const Json& value : *json->array()) absl::StrAppend(&all, value.Describe(), "; ");
  EXPECT_EQ(all, "null; false; 7; -3; 0.25; the text \"a\\nb\"; a list; an object; ");
}

}  // namespace
}  // namespace gguf
