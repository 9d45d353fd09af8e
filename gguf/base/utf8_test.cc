#include "gguf/base/utf8.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(Utf8, AcceptsWellFormedTextOnly) {
  for (const char* text : {"", "abc", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE1\x80",
        "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF", "a\xFE"}) {
    EXPECT_FALSE(IsUtf8(text)) << EscapeText(text);
  }
}

TEST(Utf8, DecodesCodePoints) {
  uint32_t code_point = 0;
  EXPECT_EQ(DecodeUtf8("\xC3\xA9z", &code_point), 2u);
  EXPECT_EQ(code_point, 0xE9u);
  EXPECT_EQ(DecodeUtf8("\xE2\x82\xAC", &code_point), 3u);
  EXPECT_EQ(code_point, 0x20ACu);
  EXPECT_EQ(DecodeUtf8("\xF0\x9F\x98\x80", &code_point), 4u);
  EXPECT_EQ(code_point, 0x1F600u);
  EXPECT_EQ(DecodeUtf8("", &code_point), 0u);
}

TEST(Utf8, EscapesWhatActsOnATerminal) {
  const struct {
    absl::string_view text, escaped;
  } kCases[] = {
      {"plain", "plain"},
      {"\n\r\t", "\\n\\r\\t"},
      {"\x1b[31m", "\\x1b[31m"},
      {absl::string_view("\0", 1), "\\x00"},
      {"\x7f", "\\x7f"},
      {"a\"b\\", "a\\\"b\\\\"},
      {"\xC3\xA9", "\xC3\xA9"},
      {"\xC2\x9B", "\\u{9b}"},             // a control sequence introducer in one character
      {"\xE2\x80\xAE", "\\u{202e}"},       // right-to-left override
      {"\xEF\xBB\xBF", "\\u{feff}"},       // byte order mark
      {"\xF3\xA0\x80\x81", "\\u{e0001}"},  // invisible tag
      {"\xFFz", "\\xffz"},
  };
  for (const auto& c : kCases) EXPECT_EQ(EscapeText(c.text), c.escaped);
}

TEST(Utf8, ReplacesMalformedBytes) {
  EXPECT_EQ(ToUtf8(""), "");
  EXPECT_EQ(ToUtf8("a\xC3\xA9\n"), "a\xC3\xA9\n");
  EXPECT_EQ(ToUtf8("a\xFF\xC3z"), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(Utf8, CutsBetweenCharacters) {
  EXPECT_EQ(EscapeText("abc", 3), "abc");
  EXPECT_EQ(EscapeText("abcd", 3), "abc...");
  EXPECT_EQ(EscapeText("ab\xC3\xA9", 3), "ab...");
  EXPECT_EQ(EscapeText("ab\xC3\xA9", 4), "ab\xC3\xA9");
}

}  // namespace
}  // namespace gguf
