// Text that comes out of files: is it UTF-8, and how is it shown safely.

#ifndef GGUF_TOOLCHAIN_GGUF_BASE_UTF8_H_
#define GGUF_TOOLCHAIN_GGUF_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace gguf {

// Bytes of the UTF-8 character at the start of `text` and its code point; 0 when `text` is empty
// or does not start with a well-formed one (RFC 3629: shortest form, no surrogates, at most
// U+10FFFF).
size_t DecodeUtf8(absl::string_view text, uint32_t* code_point);

bool IsUtf8(absl::string_view text);

// `text` with U+FFFD in place of each byte that is no UTF-8, for containers that must hold text.
std::string ToUtf8(absl::string_view text);

// `text` in a form that cannot act on a terminal: control characters and characters that reorder or
// hide text become \n, \t, \x1b, \u{202e}; bytes that are no UTF-8 become \xff; backslashes and
// double quotes are escaped. After `max_bytes` of input (never within a character) the rest is
// replaced by "...".
std::string EscapeText(absl::string_view text, size_t max_bytes = ~size_t{0});

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_BASE_UTF8_H_
