#include "runtime/tokenizer/pre_tokenizer.h"

#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_join.h"
#include "formats/pre_tokenizer.h"
#include "gguf/base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenizer/pre_tokenizers.h"

namespace gguf {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using Pieces = std::vector<absl::string_view>;

PreTokenizer Make(absl::string_view name) {
  const PreTokenizerInfo* info = FindPreTokenizer(name);
  EXPECT_NE(info, nullptr) << name;
  auto pre_tokenizer = PreTokenizer::Create(info->expressions);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre_tokenizer.status();
  return *std::move(pre_tokenizer);
}

Pieces Split(absl::string_view name, absl::string_view text) {
  const auto pieces = Make(name).Split(text);
  EXPECT_TRUE(pieces.ok()) << name << ": " << pieces.status();
  return pieces.ok() ? *pieces : Pieces{};
}

struct Case {
  const char* name;
  std::string text;
  Pieces pieces;
};

TEST(PreTokenizerTest, CutsAsTheModelsDo) {
  const Case cases[] = {
      {"gpt-2",
       "It's  3456 o'clock!!\n\n x",
       {"It", "'s", " ", " 3456", " o", "'", "clock", "!!", "\n\n", " x"}},
      {"gpt-2", "IT'S", {"IT", "'", "S"}},
      {"llama-bpe",
       "IT'S 12345\r\n\n  x_y",
       {"IT", "'S", " ", "123", "45", "\r\n\n", " ", " x", "_y"}},
      {"llama-bpe", "a \n b", {"a", " \n", " b"}},
      {"qwen2", "x123", {"x", "1", "2", "3"}},
      // U+0301, a combining accent, is a mark and no letter.
      {"qwen2",
       "ne\xCC\x81"
       "e",
       {"ne",
        "\xCC\x81"
        "e"}},
      {"qwen35",
       "ne\xCC\x81"
       "e",
       {"ne\xCC\x81"
        "e"}},
      {"gpt-4o", "HTTPServer's a/b/\n", {"HTTPServer's", " a", "/b", "/\n"}},
      {"gpt-4o", "camelCase 1234", {"camel", "Case", " ", "123", "4"}},
      {"tekken", "don't 12", {"don", "'t", " ", "1", "2"}},
      {"smollm", "a12 b", {"a", "1", "2", " b"}},
      {"deepseek-v3",
       "ab12345 ?!x\xE4\xBD\xA0\xE3\x81\x82z",
       {"ab", "123", "45", " ?!", "x", "\xE4\xBD\xA0\xE3\x81\x82", "z"}},
      {"deepseek-llm", "ab12 c.\nd  ", {"ab", "1", "2", " c", ".", "\n", "d", "  "}},
      {"deepseek-llm", "a   b ", {"a", "  ", " b", " "}},
      {"deepseek-coder", "ab12 c.\nd  ", {"ab", "1", "2", " c", ".", "\n", "d", "  "}},
      {"falcon", "a1234, b`", {"a", "123", "4", ",", " b", "`"}},
      {"default", "a1234, b`", {"a", "123", "4", ",", " b", "`"}},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Split(c.name, c.text), ElementsAreArray(c.pieces))
        << c.name << ": " << EscapeText(c.text);
  }
}

TEST(PreTokenizerTest, WhiteSpaceIsUnicodesProperty) {
  // U+00A0, U+0085 and U+3000 are white space, U+180E and U+200B are not.
  EXPECT_THAT(Split("gpt-2",
                    "a\xC2\xA0\xC2\x85\xE3\x80\x80"
                    "b"),
              ElementsAreArray({"a", "\xC2\xA0\xC2\x85", "\xE3\x80\x80", "b"}));
  EXPECT_THAT(Split("gpt-2",
                    "a\xE1\xA0\x8E\xE2\x80\x8B"
                    "b"),
              ElementsAreArray({"a", "\xE1\xA0\x8E\xE2\x80\x8B", "b"}));
  EXPECT_EQ(SpellOutWhiteSpace(R"(a\\s\d)"), R"(a\\s\d)");
  EXPECT_EQ(SpellOutWhiteSpace(R"(\s)").front(), '[');
  EXPECT_EQ(SpellOutWhiteSpace(R"([\s\]])").substr(0, 4), R"([\t-)");
  EXPECT_EQ(SpellOutWhiteSpace(R"((?!\S))").substr(0, 5), "(?![^");
}

TEST(PreTokenizerTest, BadBytesCountAsReplacementCharacters) {
  // Like U+FFFD, which is neither letter nor number nor space.
  EXPECT_THAT(Split("gpt-2", "ab\xFF\xC3(c \xE2\x82z"),
              ElementsAreArray({"ab", "\xFF\xC3(", "c", " \xE2\x82", "z"}));
}

TEST(PreTokenizerTest, PiecesMakeUpAnyText) {
  std::mt19937 random(1);
  for (const PreTokenizerInfo& info : PreTokenizers()) {
    const PreTokenizer pre_tokenizer = Make(info.name);
    for (int round = 0; round < 200; ++round) {
      const char* alphabet[] = {
          " ",        "\n",           "\r",   "a",    "Z",    "7", "'s", "!",
          "\xC3\xA9", "\xE4\xBD\xA0", "\xFF", "\xE2", "\x80", "_", "\t", "\xF0\x9F\x98\x81"};
      std::string text;
      for (uint32_t n = random() % 20; n > 0; --n) text += alphabet[random() % 16];
      const auto pieces = pre_tokenizer.Split(text);
      ASSERT_TRUE(pieces.ok()) << pieces.status();
      EXPECT_EQ(absl::StrJoin(*pieces, ""), text);
      for (const absl::string_view piece : *pieces) EXPECT_FALSE(piece.empty());
    }
  }
}

// Runs of one character, and what follows them, must not take quadratic time.
TEST(PreTokenizerTest, LongRunsTakeLinearTime) {
  const std::string parts[] = {" ",    "\n",      " \n", "\t ", "a",  "A",        "aA",
                               "7",    "!",       ".",   "'",   "'s", "\xC2\xA0", "\xE4\xBD\xA0",
                               "\xFF", "\xCC\x81"};
  for (const PreTokenizerInfo& info : PreTokenizers()) {
    const PreTokenizer pre_tokenizer = Make(info.name);
    for (const std::string& part : parts) {
      std::string text;
      while (text.size() < (size_t{1} << 15)) text += part;
      for (const char* tail : {"", "x", " ", "\n", "X!"}) {
        EXPECT_TRUE(pre_tokenizer.Split(text + tail).ok()) << info.name << EscapeText(part);
      }
    }
  }
}

TEST(PreTokenizerTest, RefusesABrokenExpression) {
  const auto broken = PreTokenizer::Create({"a", "(b"});
  EXPECT_TRUE(absl::IsInvalidArgument(broken.status()));
  EXPECT_THAT(broken.status().message(), HasSubstr("(b"));
}

TEST(PreTokenizersTest, ConversionKnowsTheSameNames) {
  for (const PreTokenizerInfo& info : PreTokenizers()) {
    EXPECT_EQ(CheckPreTokenizerName(info.name).ok(), info.name != "default") << info.name;
    for (const absl::string_view alias : info.aliases) {
      EXPECT_TRUE(CheckPreTokenizerName(alias).ok()) << alias;
    }
  }
}

TEST(PreTokenizersTest, NamesAreDistinctAndFound) {
  absl::flat_hash_set<absl::string_view> names;
  for (const PreTokenizerInfo& info : PreTokenizers()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindPreTokenizer(info.name), &info);
    for (const absl::string_view alias : info.aliases) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
      EXPECT_EQ(FindPreTokenizer(alias), &info);
      EXPECT_THAT(PreTokenizerNames(), HasSubstr(std::string(alias)));
    }
  }
  EXPECT_EQ(FindPreTokenizer(""), nullptr);
  EXPECT_EQ(FindPreTokenizer("gpt-2 "), nullptr);
}

}  // namespace
}  // namespace gguf
