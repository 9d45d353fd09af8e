// Hostile and damaged files: each rule of FORMAT.md broken once, and what the reader says.

#include "gguf/parser.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gguf/io/memory_file.h"
#include "gguf/keys.h"
#include "gguf/limits.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

absl::StatusOr<GgufHead> Parse(const std::string& bytes) {
  return ParseHead(MemoryFile("test.gguf", bytes));
}

// Key "general.architecture", then whatever the case appends.
RawGguf WithKeys(uint64_t keys, uint64_t tensors = 0) {
  RawGguf raw;
  raw.Header(tensors, keys + 1).Key("general.architecture", ValueType::kString).String("test");
  return raw;
}

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ4_K = 12;
constexpr uint64_t kHuge = ~uint64_t{0};

struct BadFile {
  const char* what;
  std::string bytes;
  const char* message;  // part of the error
};

TEST(Parser, RefusesBadHeaders) {
  const BadFile kCases[] = {
      {"empty", "", "has 0 bytes, expected a GGUF header of 24"},
      {"magic only", "GGUF", "has 4 bytes"},
      {"another format", "GGML3456789012345678901234567", "starts with \"GGML\""},
      {"control bytes", std::string("\x1b[2J") + std::string(40, 'x'), "starts with \"\\x1b[2J\""},
      {"version 0", RawGguf().Header(0, 0, 0).bytes(), "version 0, expected 2 or 3"},
      {"version 1", RawGguf().Header(0, 0, 1).bytes(), "version 1, expected 2 or 3"},
      {"version 4", RawGguf().Header(0, 0, 4).bytes(), "version 4, expected 2 or 3"},
      {"version 4, big-endian", RawGguf(true).Header(0, 0, 4).bytes(), "version 4"},
      {"version 2^31 + 3", RawGguf().Header(0, 0, 0x80000003u).bytes(), "version 2147483651"},
      {"tensor count", RawGguf().Header(kHuge, 0).bytes(), "claims 18446744073709551615 tensors"},
      {"tensor count beyond int64", RawGguf().Header(uint64_t{1} << 63, 0).bytes(), "claims"},
      {"one tensor too many", RawGguf().Header(2, 0).Bytes(std::string(49, 'x')).bytes(),
       "claims 2 tensors"},
      {"key count", RawGguf().Header(0, kHuge).bytes(), "18446744073709551615 keys"},
      {"one key too many", RawGguf().Header(0, 2).Bytes(std::string(27, 'x')).bytes(),
       "and 2 keys"},
  };
  for (const BadFile& c : kCases) {
    const auto head = Parse(c.bytes);
    ASSERT_FALSE(head.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(head.status().message(), c.message)) << head.status();
    EXPECT_TRUE(absl::StartsWith(head.status().message(), "'test.gguf': ")) << head.status();
  }
}

TEST(Parser, RefusesBadKeys) {
  const auto raw = [] { return WithKeys(1); };
  const auto array = [](uint32_t type, uint64_t count) {
    return WithKeys(1).Key("k", ValueType::kArray).Number(type).Number(count);
  };
  const std::string rest(64, 'r');
  const BadFile kCases[] = {
      {"empty name", raw().Key("", ValueType::kUint8).Bytes(rest).bytes(), "key number 1 has an"},
      {"name of 2^64 - 1", raw().Number(kHuge).Bytes(rest).bytes(), "expected at most 65535"},
      {"name of 65536", raw().String(std::string(65536, 'k')).Bytes(rest).bytes(), "65536 bytes"},
      {"name past the end", raw().Number(uint64_t{65}).Bytes(rest).bytes(), "the file ends"},
      {"NUL in a name",
       raw().Key(absl::string_view("a\0b", 3), ValueType::kBool).Bytes(rest).bytes(),
       "key 'a\\x00b' has a NUL"},
      {"twice", WithKeys(1).Key("general.architecture", ValueType::kUint8).Bytes(rest).bytes(),
       "key 'general.architecture' occurs twice"},
      {"value type 13", raw().Key("k", static_cast<ValueType>(13)).Bytes(rest).bytes(),
       "key 'k' has value type 13, expected 0 to 12"},
      {"value type 2^32 - 1", raw().Key("k", static_cast<ValueType>(~0u)).Bytes(rest).bytes(),
       "value type 4294967295"},
      {"string of 2^64 - 1", raw().Key("k", ValueType::kString).Number(kHuge).Bytes(rest).bytes(),
       "key 'k' has a value of 18446744073709551615 bytes"},
      {"string past the end",
       raw().Key("k", ValueType::kString).Number(uint64_t{65}).Bytes(rest).bytes(),
       "inside key 'k'"},
      {"array of arrays", array(9, 1).Bytes(rest).bytes(), "key 'k' is an array of arrays"},
      {"array of type 13", array(13, 1).Bytes(rest).bytes(), "array of type 13"},
      {"array of 2^64 - 1", array(0, kHuge).Bytes(rest).bytes(), "expected at most 1073741824"},
      {"array of 2^30 + 1", array(4, (1u << 30) + 1).Bytes(rest).bytes(), "1073741825 elements"},
      {"array of 2^30", array(12, 1u << 30).Bytes(rest).bytes(), "the file ends"},
      {"bytes past the end", array(0, 65).Bytes(rest).bytes(), "inside key 'k'"},
      {"floats past the end", array(6, 17).Bytes(rest).bytes(), "inside key 'k'"},
      {"booleans past the end", array(7, 65).Bytes(rest).bytes(), "inside key 'k'"},
      {"strings past the end", array(8, 9).Bytes(rest).bytes(), "inside key 'k'"},
      {"string of an array", array(8, 2).String("fine").Number(kHuge).Bytes(rest).bytes(),
       "key 'k' has a string of 18446744073709551615 bytes"},
      {"no value", raw().Key("key.without.value", ValueType::kUint64).bytes(),
       "inside key 'key.without.value'"},
  };
  for (const BadFile& c : kCases) {
    const auto head = Parse(c.bytes);
    ASSERT_FALSE(head.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(head.status().message(), c.message))
        << c.what << ": " << head.status();
  }
}

TEST(Parser, RefusesBadAlignments) {
  const auto raw = [] { return WithKeys(1); };
  const BadFile kCases[] = {
      {"0", raw().Key(keys::kGeneralAlignment, ValueType::kUint32).Number(0u).bytes(), "is 0"},
      {"33", raw().Key(keys::kGeneralAlignment, ValueType::kUint32).Number(33u).bytes(), "is 33"},
      {"2^21", raw().Key(keys::kGeneralAlignment, ValueType::kUint32).Number(1u << 21).bytes(),
       "expected a power of two of at most 1048576"},
      {"uint64",
       raw().Key(keys::kGeneralAlignment, ValueType::kUint64).Number(uint64_t{32}).bytes(),
       "of type uint64, expected uint32"},
  };
  for (const BadFile& c : kCases) {
    const auto head = Parse(c.bytes);
    ASSERT_FALSE(head.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(head.status().message(), c.message)) << head.status();
  }
}

TEST(Parser, RefusesBadTensors) {
  const auto raw = [](uint64_t tensors = 1) { return WithKeys(0, tensors); };
  const std::string data(1024, 'd');
  const uint64_t two_63 = uint64_t{1} << 63;
  const BadFile kCases[] = {
      {"empty name", raw().Tensor("", {4}, kF32, 0).Pad().Bytes(data).bytes(),
       "tensor number 0 has an empty name"},
      {"64 bytes", raw().Tensor(std::string(64, 'n'), {4}, kF32, 0).Pad().Bytes(data).bytes(),
       "64 bytes, expected at most 63"},
      {"NUL", raw().Tensor(absl::string_view("a\0", 2), {4}, kF32, 0).Pad().Bytes(data).bytes(),
       "NUL"},
      {"twice",
       raw(2).Tensor("t", {8}, kF32, 0).Tensor("t", {8}, kF32, 32).Pad().Bytes(data).bytes(),
       "tensor 't' occurs twice"},
      {"5 dimensions", raw().Tensor("t", {1, 1, 1, 1, 1}, kF32, 0).Pad().Bytes(data).bytes(),
       "has 5 dimensions"},
      {"2^32 - 1 dimensions", raw().String("t").Number(~0u).Pad().Bytes(data).bytes(),
       "has 4294967295 dimensions"},
      {"2^63 values", raw().Tensor("t", {two_63}, kF32, 0).Pad().Bytes(data).bytes(),
       "more than 2^63 - 1 values"},
      {"2^64 values", raw().Tensor("t", {two_63, 2}, kF32, 0).Pad().Bytes(data).bytes(),
       "more than 2^63 - 1 values"},
      {"wraps to 0",
       raw()
           .Tensor("t", {1u << 16, 1u << 16, 1u << 16, 1u << 16}, kF32, 0)
           .Pad()
           .Bytes(data)
           .bytes(),
       "more than 2^63 - 1 values"},
      {"hidden behind a 0", raw().Tensor("t", {two_63, 0, 4}, kF32, 0).Pad().Bytes(data).bytes(),
       "more than 2^63 - 1 values"},
      {"2^62 values of 4 bytes", raw().Tensor("t", {two_63 / 2}, kF32, 0).Pad().Bytes(data).bytes(),
       "exceeds 2^6"},
      {"type 4", raw().Tensor("t", {32}, 4, 0).Pad().Bytes(data).bytes(),
       "has type 4, which is unknown or was removed"},
      {"type 5", raw().Tensor("t", {32}, 5, 0).Pad().Bytes(data).bytes(), "type 5"},
      {"type 31", raw().Tensor("t", {32}, 31, 0).Pad().Bytes(data).bytes(), "type 31"},
      {"type 33", raw().Tensor("t", {32}, 33, 0).Pad().Bytes(data).bytes(), "type 33"},
      {"type 38", raw().Tensor("t", {32}, 38, 0).Pad().Bytes(data).bytes(), "type 38"},
      {"type 43", raw().Tensor("t", {32}, 43, 0).Pad().Bytes(data).bytes(), "type 43"},
      {"type 2^32 - 1", raw().Tensor("t", {32}, ~0u, 0).Pad().Bytes(data).bytes(),
       "type 4294967295"},
      {"half a block", raw().Tensor("t", {128}, kQ4_K, 0).Pad().Bytes(data).bytes(),
       "no multiple of the 256 values in a block of Q4_K"},
      {"offset 16", raw().Tensor("t", {4}, kF32, 16).Pad().Bytes(data).bytes(),
       "offset 16, expected a multiple of the alignment of 32"},
      {"offset past the end", raw().Tensor("t", {4}, kF32, 1056).Pad().Bytes(data).bytes(),
       "of a data section of 1024 bytes"},
      {"huge offset", raw().Tensor("t", {4}, kF32, kHuge - 31).Pad().Bytes(data).bytes(),
       "18446744073709551584"},
      {"one value too large", raw().Tensor("t", {257}, kF32, 0).Pad().Bytes(data).bytes(),
       "takes 1028 bytes at offset 0"},
      {"end past the end", raw().Tensor("t", {256}, kF32, 32).Pad().Bytes(data).bytes(),
       "takes 1024 bytes at offset 32"},
      {"same place",
       raw(2).Tensor("a", {8}, kF32, 0).Tensor("b", {8}, kF32, 0).Pad().Bytes(data).bytes(),
       "tensor 'b' at offset 0 overlaps tensor 'a'"},
      {"overlap by one",
       raw(2).Tensor("a", {9}, kF32, 0).Tensor("b", {8}, kF32, 32).Pad().Bytes(data).bytes(),
       "overlaps tensor 'a', which ends at offset 36"},
      {"enclosed",
       raw(3)
           .Tensor("a", {64}, kF32, 0)
           .Tensor("b", {8}, kF32, 512)
           .Tensor("c", {1}, kF32, 128)
           .Pad()
           .Bytes(data)
           .bytes(),
       "tensor 'c' at offset 128 overlaps tensor 'a'"},
      {"no data section", raw().Tensor("t", {4}, kF32, 0).bytes(),
       "the data section should start at byte"},
      {"escapes its name", raw().Tensor("\x1b[31m", {4}, 43, 0).Pad().Bytes(data).bytes(),
       "tensor '\\x1b[31m'"},
  };
  for (const BadFile& c : kCases) {
    const auto head = Parse(c.bytes);
    ASSERT_FALSE(head.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(head.status().message(), c.message))
        << c.what << ": " << head.status();
  }
}

// What is read with a warning; verification fails on it.
TEST(Parser, WarnsOfWhatIsLegalButWrong) {
  const std::string data(64, 'd');
  const BadFile kCases[] = {
      {"alignment 1",
       WithKeys(1).Key(keys::kGeneralAlignment, ValueType::kUint32).Number(1u).bytes(),
       "key 'general.alignment' is 1, expected a multiple of 8"},
      {"boolean 2", WithKeys(1).Key("b", ValueType::kBool).Number(uint8_t{2}).Pad().bytes(),
       "key 'b' is a boolean stored as 2"},
      {"booleans",
       WithKeys(1)
           .Key("b", ValueType::kArray)
           .Number(7u)
           .Number(uint64_t{3})
           .Bytes("\x01\x02\xff")
           .Pad()
           .bytes(),
       "key 'b' holds 2 booleans"},
      {"value", WithKeys(1).Key("s", ValueType::kString).String("\xff").Pad().bytes(),
       "key 's' is a string that is not UTF-8"},
      {"values",
       WithKeys(1)
           .Key("s", ValueType::kArray)
           .Number(8u)
           .Number(uint64_t{2})
           .String("ok")
           .String("\xc0\x80")
           .Pad()
           .bytes(),
       "key 's' holds 1 strings that are not UTF-8, the first at index 1"},
      {"key", WithKeys(1).Key("\xff", ValueType::kUint8).Number(uint8_t{1}).Pad().bytes(),
       "key '\\xff' has a name that is not UTF-8"},
      {"tensor", WithKeys(0, 1).Tensor("\xed\xa0\x80", {16}, kF32, 0).Pad().Bytes(data).bytes(),
       "has a name that is not UTF-8"},
      {"zero dimension", WithKeys(0, 1).Tensor("z", {32, 0}, kF32, 0).Pad().bytes(),
       "tensor 'z' has a dimension of 0"},
      {"no architecture", RawGguf().Header(0, 0).Pad().bytes(),
       "key 'general.architecture' is missing"},
      {"hole before", WithKeys(0, 1).Tensor("h", {8}, kF32, 32).Pad().Bytes(data).bytes(),
       "tensor 'h' has offset 32, expected 0"},
      {"hole between",
       WithKeys(0, 2)
           .Tensor("a", {1}, kF32, 0)
           .Tensor("b", {1}, kF32, 64)
           .Pad()
           .Bytes(data)
           .Bytes(data.substr(32))
           .bytes(),
       "tensor 'b' has offset 64, expected 32"},
      {"other order",
       WithKeys(0, 2)
           .Tensor("a", {8}, kF32, 32)
           .Tensor("b", {8}, kF32, 0)
           .Pad()
           .Bytes(data)
           .bytes(),
       "tensor 'a' has offset 32, expected 0"},
      {"padding", WithKeys(0, 1).Tensor("p", {9}, kF32, 0).Pad().Bytes(data.substr(0, 36)).bytes(),
       "padding after the last tensor is missing (28 bytes)"},
      {"more bytes", WithKeys(0, 1).Tensor("p", {9}, kF32, 0).Pad().Bytes(data).Bytes("x").bytes(),
       "1 bytes follow the end"},
  };
  for (const BadFile& c : kCases) {
    const auto head = Parse(c.bytes);
    ASSERT_TRUE(head.ok()) << c.what << ": " << head.status();
    ASSERT_FALSE(head->warnings.empty()) << c.what;
    EXPECT_TRUE(absl::StrContains(head->warnings[0], c.message))
        << c.what << ": " << head->warnings[0];
  }
}

TEST(Parser, CountsWarningsBeyondTheFirstTwenty) {
  RawGguf raw = WithKeys(30);
  for (int i = 0; i < 30; ++i) {
    raw.Key("k" + std::to_string(i), ValueType::kBool).Number(uint8_t{2});
  }
  const auto head = Parse(raw.Pad().bytes());
  ASSERT_TRUE(head.ok()) << head.status();
  ASSERT_EQ(head->warnings.size(), 21u);
  EXPECT_EQ(head->warnings[20], "10 more booleans other than 0 and 1");
}

TEST(Parser, AcceptsTheLimits) {
  const std::string longest_key(kMaxKeyBytes, 'k'), longest_name(kMaxTensorNameBytes, 'n');
  const std::string bytes = WithKeys(1, 1)
                                .Key(longest_key, ValueType::kBool)
                                .Number(uint8_t{1})
                                .Tensor(longest_name, {2, 2, 2, 1}, kF32, 0)
                                .Pad()
                                .Bytes(std::string(32, 'd'))
                                .bytes();
  const auto head = Parse(bytes);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_TRUE(head->warnings.empty()) << head->warnings[0];
  EXPECT_TRUE(head->metadata.Has(longest_key));
  EXPECT_EQ(head->tensors[0].name, longest_name);
  EXPECT_EQ(head->tensors[0].shape, (Shape{1, 2, 2, 2}));
}

TEST(Parser, AcceptsAScalar) {
  const auto head =
      Parse(WithKeys(0, 1).Tensor("s", {}, kF32, 0).Pad().Bytes(std::string(32, 0)).bytes());
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->tensors[0].shape.rank(), 0u);
  EXPECT_EQ(head->tensors[0].num_bytes, 4u);
}

TEST(Parser, ReadsVersionTwo) {
  const auto head = Parse(RawGguf().Header(0, 0, 2).bytes());
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->version, 2u);
}

TEST(Parser, ReadsBigEndianFiles) {
  for (const uint32_t version : {2u, 3u}) {
    const std::string bytes = RawGguf(true)
                                  .Header(1, 4, version)
                                  .Key("general.architecture", ValueType::kString)
                                  .String("test")
                                  .Key("number", ValueType::kInt16)
                                  .Number(int16_t{-2})
                                  .Key("numbers", ValueType::kArray)
                                  .Number(uint32_t{12})
                                  .Number(uint64_t{2})
                                  .Number(0.5)
                                  .Number(-8.0)
                                  .Key("texts", ValueType::kArray)
                                  .Number(uint32_t{8})
                                  .Number(uint64_t{1})
                                  .String("word")
                                  .Tensor("t", {4, 2}, kF32, 0)
                                  .Pad()
                                  .Bytes(std::string(32, 0))
                                  .bytes();
    const auto head = Parse(bytes);
    ASSERT_TRUE(head.ok()) << head.status();
    EXPECT_TRUE(head->is_big_endian);
    EXPECT_EQ(head->version, version);
    EXPECT_EQ(*head->metadata.Find("number"), Value(int16_t{-2}));
    EXPECT_EQ(*head->metadata.Find("numbers"), Value(std::vector<double>{0.5, -8.0}));
    EXPECT_EQ(*head->metadata.Find("texts"), Value(std::vector<std::string>{"word"}));
    EXPECT_EQ(head->tensors[0].shape, (Shape{2, 4}));
  }
}

std::string SmallFile() {
  return WithKeys(4, 2)
      .Key("n", ValueType::kUint64)
      .Number(uint64_t{5})
      .Key("flags", ValueType::kArray)
      .Number(7u)
      .Number(uint64_t{2})
      .Bytes(absl::string_view("\1\0", 2))
      .Key("texts", ValueType::kArray)
      .Number(8u)
      .Number(uint64_t{2})
      .String("a")
      .String("bc")
      .Key("f", ValueType::kArray)
      .Number(6u)
      .Number(uint64_t{3})
      .Number(1.0f)
      .Number(2.0f)
      .Number(3.0f)
      .Tensor("first", {8}, kF32, 0)
      .Tensor("second", {256}, kQ4_K, 32)
      .Pad()
      .Bytes(std::string(32 + 160, 'd'))
      .bytes();
}

TEST(Parser, RefusesTruncationAtEveryByte) {
  const std::string bytes = SmallFile();
  const size_t needed = bytes.size() - 16;  // without the final padding
  ASSERT_TRUE(Parse(bytes).ok()) << Parse(bytes).status();
  for (size_t length = 0; length < needed; ++length) {
    EXPECT_FALSE(Parse(bytes.substr(0, length)).ok()) << length;
  }
  for (size_t length = needed; length < bytes.size(); ++length) {
    const auto head = Parse(bytes.substr(0, length));
    ASSERT_TRUE(head.ok()) << length << ": " << head.status();
    EXPECT_EQ(head->warnings.size(), 1u) << length;
  }
}

TEST(Parser, ReportsAFileThatShrinksAtAnyByte) {
  const std::string bytes = SmallFile();
  const size_t head_bytes = Parse(bytes)->data_start - 32;
  for (size_t length = 0; length < head_bytes; ++length) {
    const MemoryFile file("test.gguf", bytes.substr(0, length), bytes.size());
    EXPECT_EQ(ParseHead(file).status().code(), absl::StatusCode::kDataLoss) << length;
  }
}

TEST(Parser, SurvivesEveryFlippedBit) {
  const std::string bytes = SmallFile();
  const size_t head_bytes = Parse(bytes)->data_start;
  size_t refused = 0;
  for (size_t bit = 0; bit < 8 * head_bytes; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    refused += !Parse(damaged).ok();
  }
  EXPECT_GT(refused, 4 * head_bytes);  // most bits of a head are lengths, counts and offsets
}

}  // namespace
}  // namespace gguf
