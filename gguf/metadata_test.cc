#include "gguf/metadata.h"

#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(Value, IndexIsTheStoredType) {
  EXPECT_EQ(Value(uint8_t{1}).type(), ValueType::kUint8);
  EXPECT_EQ(Value(int8_t{1}).type(), ValueType::kInt8);
  EXPECT_EQ(Value(uint16_t{1}).type(), ValueType::kUint16);
  EXPECT_EQ(Value(int16_t{1}).type(), ValueType::kInt16);
  EXPECT_EQ(Value(uint32_t{1}).type(), ValueType::kUint32);
  EXPECT_EQ(Value(int32_t{1}).type(), ValueType::kInt32);
  EXPECT_EQ(Value(1.0f).type(), ValueType::kFloat32);
  EXPECT_EQ(Value(true).type(), ValueType::kBool);
  EXPECT_EQ(Value("text").type(), ValueType::kString);
  EXPECT_EQ(Value(std::vector<float>{1}).type(), ValueType::kArray);
  EXPECT_EQ(Value(uint64_t{1}).type(), ValueType::kUint64);
  EXPECT_EQ(Value(int64_t{1}).type(), ValueType::kInt64);
  EXPECT_EQ(Value(1.0).type(), ValueType::kFloat64);
  EXPECT_EQ((Array{std::vector<double>{}}.element_type()), ValueType::kFloat64);
  EXPECT_EQ((Array{Bools{}}.element_type()), ValueType::kBool);
}

TEST(Value, PrintsForPeople) {
  const struct {
    Value value;
    const char* text;
  } kCases[] = {
      {Value(uint8_t{65}), "65"},
      {Value(int8_t{-1}), "-1"},
      {Value(std::numeric_limits<int64_t>::min()), "-9223372036854775808"},
      {Value(0.1f), "0.1"},
      {Value(1e-5f), "1e-05"},
      {Value(1000000.0f), "1e+06"},
      {Value(0.1), "0.1"},
      {Value(-0.0), "-0"},
      {Value(true), "true"},
      {Value("a\n\x1b[0m\"\\"), "\"a\\n\\x1b[0m\\\"\\\\\""},
      {Value(std::vector<uint8_t>{1, 2}), "[1, 2]"},
      {Value(std::vector<int32_t>{}), "[]"},
      {Value(std::vector<int32_t>{1, 2, 3, 4}), "[1, 2, 3, ... 4 in all]"},
      {Value(std::vector<std::string>{"x", "\x7f"}), "[\"x\", \"\\x7f\"]"},
      {Value(Array{Bools{{1, 0}}}), "[true, false]"},
  };
  for (const auto& c : kCases) EXPECT_EQ(c.value.ToString(3), c.text);
}

TEST(Value, EqualMeansSameTypeAndBits) {
  const float nan = std::nanf("1"), other_nan = std::nanf("2");
  EXPECT_EQ(Value(nan), Value(nan));
  EXPECT_NE(Value(nan), Value(other_nan));
  EXPECT_NE(Value(0.0f), Value(-0.0f));
  EXPECT_NE(Value(uint32_t{1}), Value(int32_t{1}));
  EXPECT_EQ(Value(std::vector<float>{nan}), Value(std::vector<float>{nan}));
  EXPECT_NE(Value(std::vector<float>{0.0f}), Value(std::vector<float>{-0.0f}));
  EXPECT_NE(Value(std::vector<float>{1}), Value(std::vector<float>{1, 1}));
  EXPECT_NE(Value(std::vector<float>{}), Value(std::vector<double>{}));
  EXPECT_EQ(Value("a"), Value(std::string("a")));
}

TEST(Metadata, KeepsOrderWhenReplacing) {
  Metadata metadata;
  metadata.Set("a", uint32_t{1});
  metadata.Set("b", uint32_t{2});
  metadata.Set("c", uint32_t{3});
  metadata.Set("a", std::string("new"));
  ASSERT_EQ(metadata.size(), 3u);
  EXPECT_EQ(metadata.entries()[0].first, "a");
  EXPECT_EQ(*metadata.Find("a"), Value("new"));
}

TEST(Metadata, FindsTheOthersAfterRemoving) {
  Metadata metadata;
  for (const char* key : {"a", "b", "c", "d"}) metadata.Set(key, std::string(key));
  EXPECT_TRUE(metadata.Remove("b"));
  EXPECT_FALSE(metadata.Remove("b"));
  EXPECT_EQ(metadata.Find("b"), nullptr);
  for (const char* key : {"a", "c", "d"}) EXPECT_EQ(*metadata.Find(key), Value(key));
  metadata.Set("b", std::string("b"));
  EXPECT_EQ(metadata.entries().back().first, "b");
}

TEST(Metadata, AcceptsAnyIntegerThatFits) {
  Metadata metadata;
  metadata.Set("u8", uint8_t{200});
  metadata.Set("i64", int64_t{70000});
  metadata.Set("negative", int32_t{-1});
  metadata.Set("large", ~uint64_t{0});
  metadata.Set("float", 1.0f);
  metadata.Set("bool", true);
  EXPECT_EQ(*metadata.GetUint("u8"), 200u);
  EXPECT_EQ(*metadata.GetUint("i64", 70000), 70000u);
  EXPECT_EQ(metadata.GetUint("i64", 69999).status().message(),
            "key 'i64' is 70000, expected 0 to 69999");
  EXPECT_EQ(metadata.GetUint("negative", 5).status().message(),
            "key 'negative' is -1, expected 0 to 5");
  EXPECT_EQ(*metadata.GetUint("large"), ~uint64_t{0});
  EXPECT_EQ(*metadata.GetInt("negative"), -1);
  EXPECT_EQ(metadata.GetInt("large").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(metadata.GetUint("float").status().message(),
            "key 'float' is of type float32, expected an integer");
  EXPECT_FALSE(metadata.GetUint("bool").ok());
  EXPECT_EQ(metadata.GetUint("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*metadata.GetUintOr("none", 9), 9u);
  EXPECT_FALSE(metadata.GetUintOr("float", 9).ok());
}

TEST(Metadata, ChecksTypes) {
  Metadata metadata;
  metadata.Set("f32", 0.5f);
  metadata.Set("f64", 0.25);
  metadata.Set("bool", true);
  metadata.Set("text", std::string("x"));
  metadata.Set("texts", std::vector<std::string>{"y"});
  metadata.Set("numbers", std::vector<int32_t>{1});
  EXPECT_EQ(*metadata.GetFloat("f32"), 0.5);
  EXPECT_EQ(*metadata.GetFloat("f64"), 0.25);
  EXPECT_FALSE(metadata.GetFloat("text").ok());
  EXPECT_TRUE(*metadata.GetBool("bool"));
  EXPECT_FALSE(metadata.GetBool("f32").ok());
  EXPECT_EQ(*metadata.GetString("text"), "x");
  EXPECT_FALSE(metadata.GetString("texts").ok());
  EXPECT_EQ(**metadata.GetStrings("texts"), std::vector<std::string>{"y"});
  EXPECT_EQ(metadata.GetStrings("numbers").status().message(),
            "key 'numbers' is an array of int32, expected an array of strings");
  EXPECT_FALSE(metadata.GetStrings("text").ok());
  EXPECT_EQ(*metadata.GetStringOr("none", "z"), "z");
  EXPECT_FALSE(metadata.GetStringOr("f32", "z").ok());
}

}  // namespace
}  // namespace gguf
