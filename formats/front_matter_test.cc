#include "formats/front_matter.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Texts = std::vector<std::string>;
using Fields = std::vector<std::pair<std::string, std::string>>;

// Keys and their texts; an object's text is "{}".
std::vector<std::pair<std::string, Texts>> Parse(const std::string& card) {
  std::vector<std::pair<std::string, Texts>> entries;
  for (const FrontMatterEntry& entry : ParseFrontMatter(card)) {
    entries.push_back({entry.key, {}});
    for (const FrontMatterItem& item : entry.items) {
      entries.back().second.push_back(item.is_object ? "{}" : item.text);
    }
  }
  return entries;
}

TEST(FrontMatter, TextsAndLists) {
  EXPECT_THAT(Parse("\xEF\xBB\xBF---\r\n"
                    "license: apache-2.0  # a comment\r\n"
                    "language:\n- en\n- no\n"
                    "tags:\n  - 'it''s'\n  # between\n\n  - \"a \\\"b\\\" \\\\\"\n"
                    "datasets: [a/b, \"c, d\" , 'e']\n"
                    "base_model: https://example.org/#part\n"
                    "---\nlicense: not this\n"),
              ElementsAre(Pair("license", Texts{"apache-2.0"}), Pair("language", Texts{"en", "no"}),
                          Pair("tags", Texts{"it's", "a \"b\" \\"}),
                          Pair("datasets", Texts{"a/b", "c, d", "e"}),
                          Pair("base_model", Texts{"https://example.org/#part"})));
}

TEST(FrontMatter, WhatItDoesNotUnderstandIsPassedOver) {
  EXPECT_THAT(Parse("---\n"
                    "lists_below:\n- - a\n"
                    "nested:\n  a: b\n"
                    "anchor: &a b\n"
                    "object: {a: b}\n"
                    "lists: [[a], b]\n"
                    "open: [a, b\n"
                    "quote: 'no end\n"
                    "more: 'text' text\n"
                    "mixed:\n  - a\n - b\n"
                    "text_and_list: a\n- b\n"
                    "nothing:\nnull_text: null\nempty: []\n"
                    "a key: c\n"
                    "last: kept\n---\n"),
              ElementsAre(Pair("last", Texts{"kept"})));
}

TEST(FrontMatter, CardsWithout) {
  for (const char* card : {"", "---", "---\n", "# Title\n---\nlicense: mit\n---\n",
                           "---\nlicense: mit\n", "--- \n---\n", " ---\nlicense: mit\n---\n"}) {
    EXPECT_THAT(Parse(card), IsEmpty()) << card;
  }
}

// As PyYAML reads them.
TEST(FrontMatter, TextsOfSeveralLines) {
  const std::pair<const char*, const char*> kCases[] = {
      {"|\n  two\n  lines\n", "two\nlines\n"},
      {"|-\n  two\n\n\n   more  \n  lines\n\n", "two\n\n\n more\nlines"},
      {"|+\n  a\n\n", "a\n\n"},
      {"|2-  # why\n   a\n  b\n", " a\nb"},
      {"|\n\n  # no comment\n  a: b\n# a comment\n", "\n# no comment\na: b\n"},
      {">\n  folded\n  text\n\n  again\n", "folded text\nagain\n"},
      {">-\n  a\n    b\n    c\n  d\n  e\n", "a\n  b\n  c\nd e"},
      {">-\n  a\n\n\n  b\n", "a\n\nb"},
      {"a\n  b\n\n  c  # end\n", "a b\nc"},
      {"\n  below\n  it\n", "below it"},
      {"'it''s\n  # two'\n", "it's # two"},
      {"\"a\\tb\n  c\\n\\u0041\"\n", "a\tb c\n\\u0041"},
  };
  for (const auto& [value, text] : kCases) {
    EXPECT_THAT(Parse(std::string("---\nkey: ") + value + "last: x\n---\n"),
                ElementsAre(Pair("key", Texts{text}), Pair("last", Texts{"x"})))
        << value;
  }
}

TEST(FrontMatter, BlocksThatAreNone) {
  for (const char* value :
       {"|\n", "|x\n  a\n", ">3\n  a\n", "|\n    a\n  b\n", "a # b\n  c\n", "a\n- b\n"}) {
    EXPECT_THAT(Parse(std::string("---\nkey: ") + value + "last: x\n---\n"),
                ElementsAre(Pair("last", Texts{"x"})))
        << value;
  }
}

TEST(FrontMatter, Objects) {
  const auto entries = ParseFrontMatter(
      "---\n"
      "base_model:\n"
      "- name: A\n"
      "  # between\n"
      "  description: >-\n"
      "    of two\n"
      "    lines\n"
      "  nested:\n"
      "    deep: x\n"
      "  empty:\n"
      "  repo_url: https://example.org/a\n"
      "- name: C\n  results:\n  - task:\n      type: y\n  author: us\n"
      "- plain\n"
      "- {name: 'B, c', version: v1}\n"
      "-\n"
      "    name: D\n"
      "tags: [a,\n  b,\n  'c d']\n"
      "---\n");
  ASSERT_EQ(entries.size(), 2u);
  const auto& items = entries[0].items;
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].fields, (Fields{{"name", "A"},
                                     {"description", "of two lines"},
                                     {"repo_url", "https://example.org/a"}}));
  EXPECT_EQ(items[1].fields, (Fields{{"name", "C"}, {"author", "us"}}));
  EXPECT_EQ(items[2].text, "plain");
  EXPECT_FALSE(items[2].is_object);
  EXPECT_EQ(items[3].fields, (Fields{{"name", "B, c"}, {"version", "v1"}}));
  EXPECT_EQ(items[4].fields, (Fields{{"name", "D"}}));
  EXPECT_EQ(entries[1].items.size(), 3u);
  EXPECT_EQ(entries[1].items[2].text, "c d");
}

}  // namespace
}  // namespace gguf
