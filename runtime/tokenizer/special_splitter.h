// Cuts a text at the tokens that stand for themselves: markers such as <|im_start|> and the
// user-defined pieces of a vocabulary.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/tokenizer/prefix_index.h"
#include "runtime/tokenizer/vocabulary.h"

namespace gguf {

// A part of a text: one token, or ordinary text (not empty) between such tokens.
struct Fragment {
  int32_t token = kNoToken;
  absl::string_view text;  // when token is kNoToken
};

// Thread-safe. The longest texts are taken out first, wherever they stand, as if every token were
// searched in what the longer ones left over.
class SpecialSplitter {
 public:
  // `vocabulary` must outlive it.
  explicit SpecialSplitter(const Vocabulary* vocabulary);

  // Views of `text`. With `parse_special` CONTROL and UNKNOWN tokens are found too; without it,
  // only USER_DEFINED ones. O(n log n) in the length of the text.
  std::vector<Fragment> Split(absl::string_view text, bool parse_special) const;

 private:
  const Vocabulary* vocabulary_;
  PrefixIndex user_defined_;
  PrefixIndex all_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_
