#include "runtime/tokenizer/word_splitter.h"

#include <string>
#include <vector>

#include "gguf/base/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using Words = std::vector<std::string>;

Words Split(absl::string_view text, bool lowercase = true, bool strip_accents = true) {
  Words words;
  WordOptions options;
  options.lowercase = lowercase;
  options.strip_accents = strip_accents;
  const absl::Status status = ForEachWord(text, options, [&](absl::string_view word) {
    words.emplace_back(word);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return words;
}

TEST(WordSplitterTest, CutsAndCleans) {
  struct Case {
    std::string text;
    Words words;
  };
  const Case cases[] = {
      {"", {}},
      {" \t\r\n", {}},
      {"Don't go, O'Neil!", {"don", "'", "t", "go", ",", "o", "'", "neil", "!"}},
      {"a$b^c`d", {"a", "$", "b", "^", "c", "`", "d"}},  // ASCII symbols count as punctuation
      {"\xE2\x82\xAC"
       "5",
       {"\xE2\x82\xAC"
        "5"}},  // U+20AC, a symbol, does not
      {"\xC2\xABx\xC2\xBB", {"\xC2\xAB", "x", "\xC2\xBB"}},
      {"a\xE4\xB8\x96\xE7\x95\x8C"
       "b",
       {"a", "\xE4\xB8\x96", "\xE7\x95\x8C", "b"}},
      {std::string("a\0b\x07"
                   "c\x7F"
                   "d",
                   7),
       {"abcd"}},
      {"a\xEF\xBF\xBD"
       "b\xE2\x80\x8D"
       "c",
       {"abc"}},  // U+FFFD; U+200D is of category Cf
      {"a\xFF"
       "b\xE2\x82",
       {"ab"}},
      {"a\x0C"
       "b\xC2\x85"
       "c\xEE\x80\x80"
       "d",
       {"abcd"}},  // U+0085 and U+E000
      {"a\xCD\xB8"
       "b",
       {"a\xCD\xB8"
        "b"}},  // U+0378, unassigned
      {"a\xC2\xA0"
       "b\xE3\x80\x80"
       "c\xE2\x80\xA8"
       "d",
       {"a", "b", "c", "d"}},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Split(c.text), ElementsAreArray(c.words)) << EscapeText(c.text);
  }
}

TEST(WordSplitterTest, CaseAndAccentsAsTrained) {
  const std::string text = "\xC3\x89t\xC3\xA9 \xC4\xB0";  // "Été İ"
  EXPECT_THAT(Split(text, true, true), ElementsAre("ete", "i"));
  EXPECT_THAT(Split(text, true, false), ElementsAre("\xC3\xA9t\xC3\xA9", "i\xCC\x87"));
  EXPECT_THAT(Split(text, false, true), ElementsAre("Ete", "I"));
  EXPECT_THAT(Split(text, false, false), ElementsAre("\xC3\x89t\xC3\xA9", "\xC4\xB0"));
  EXPECT_THAT(Split("\xEA\xB0\x80"), ElementsAre("\xE1\x84\x80\xE1\x85\xA1"));  // Hangul letters
  EXPECT_THAT(Split("\xCE\xA3"), ElementsAre("\xCF\x83"));                      // no final sigma
}

TEST(WordSplitterTest, StopsAtTheFirstError) {
  int visits = 0;
  const absl::Status status = ForEachWord("a b c", {}, [&](absl::string_view word) {
    ++visits;
    return word == "b" ? absl::InternalError("b") : absl::OkStatus();
  });
  EXPECT_EQ(status.message(), "b");
  EXPECT_EQ(visits, 2);
}

}  // namespace
}  // namespace gguf
