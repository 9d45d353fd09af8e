#include "runtime/tokenizer/byte_alphabet.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(ByteAlphabetTest, EveryByteHasItsOwnLetter) {
  absl::flat_hash_set<absl::string_view> letters;
  std::string all_letters, all_bytes;
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_TRUE(letters.insert(LetterOfByte(byte)).second) << byte;
    absl::StrAppend(&all_letters, LetterOfByte(byte));
    all_bytes.push_back(static_cast<char>(byte));
  }
  EXPECT_EQ(BytesOfLetters(all_letters), all_bytes);
}

TEST(ByteAlphabetTest, KnownLetters) {
  EXPECT_EQ(LetterOfByte('A'), "A");
  EXPECT_EQ(LetterOfByte(' '), "\xC4\xA0");   // U+0120
  EXPECT_EQ(LetterOfByte('\n'), "\xC4\x8A");  // U+010A
  EXPECT_EQ(LetterOfByte(0xAD), "\xC5\x83");  // U+0143, the last one
  EXPECT_EQ(LetterOfByte(0xFF), "\xC3\xBF");  // U+00FF
  EXPECT_EQ(ByteOfLetter(0x143), 0xAD);
  EXPECT_EQ(ByteOfLetter(0x144), -1);
  EXPECT_EQ(ByteOfLetter(' '), -1);
  EXPECT_EQ(ByteOfLetter(~uint32_t{0}), -1);
}

TEST(ByteAlphabetTest, OtherCharactersStay) {
  EXPECT_EQ(BytesOfLetters("a \xE2\x96\x81\xFF"), "a \xE2\x96\x81\xFF");
}

}  // namespace
}  // namespace gguf
