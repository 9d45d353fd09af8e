// How BERT models see a text: without control characters and, if so trained, accents and capitals;
// cut at white space, and around punctuation and Chinese characters.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_SPLITTER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_SPLITTER_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gguf {

struct WordOptions {
  bool lowercase = true;
  bool strip_accents = true;  // canonical decomposition, then no characters of category Mn
};

// Calls `visit` with every word, from left to right, in UTF-8; stops at its first error. Dropped:
// U+0000, U+FFFD, categories Cc, Cf and Co except tab and line breaks, and bytes that are no UTF-8;
// unassigned characters stay. Punctuation: ASCII's, and categories P*.
absl::Status ForEachWord(absl::string_view text, const WordOptions& options,
                         absl::FunctionRef<absl::Status(absl::string_view)> visit);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_SPLITTER_H_
