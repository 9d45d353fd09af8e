#include "runtime/tokenizer/byte_alphabet.h"

#include <algorithm>
#include <array>

#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr uint32_t kNumLetters = 0x100 + 68;

struct Alphabet {
  std::array<std::string, 256> letters;
  std::array<int, kNumLetters> bytes;
};

bool IsVisible(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

Alphabet MakeAlphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(-1);
  uint32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const uint32_t letter = IsVisible(byte) ? byte : next++;
    alphabet.bytes[letter] = byte;
    std::string& text = alphabet.letters[byte];
    if (letter < 0x80) {
      text.push_back(static_cast<char>(letter));
    } else {  // below U+0800: two bytes
      text.push_back(static_cast<char>(0xC0 | letter >> 6));
      text.push_back(static_cast<char>(0x80 | (letter & 0x3F)));
    }
  }
  return alphabet;
}

const Alphabet& TheAlphabet() {
  static const Alphabet* const alphabet = new Alphabet(MakeAlphabet());
  return *alphabet;
}

}  // namespace

absl::string_view LetterOfByte(uint8_t byte) { return TheAlphabet().letters[byte]; }

int ByteOfLetter(uint32_t code_point) {
  return code_point < kNumLetters ? TheAlphabet().bytes[code_point] : -1;
}

std::string BytesOfLetters(absl::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    uint32_t code_point = ~uint32_t{0};
    const size_t length = std::max<size_t>(1, DecodeUtf8(text, &code_point));
    const int byte = ByteOfLetter(code_point);
    if (byte >= 0) {
      bytes.push_back(static_cast<char>(byte));
    } else {
      bytes.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  return bytes;
}

}  // namespace gguf
