// The alphabet in which byte-level BPE vocabularies write bytes: one visible character for each.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_ALPHABET_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_ALPHABET_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace gguf {

// The character of a byte, as UTF-8. Bytes 33-126, 161-172 and 174-255 are the character of the
// same number; the other 68, in increasing order, are U+0100, U+0101, ... (space: U+0120).
absl::string_view LetterOfByte(uint8_t byte);

// The byte of a character, -1 when it stands for none.
int ByteOfLetter(uint32_t code_point);

// The bytes that a token's text stands for; characters that stand for none are kept as they are.
std::string BytesOfLetters(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_ALPHABET_H_
