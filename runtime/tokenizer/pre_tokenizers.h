// The pre-tokenizers of byte-level BPE models: which regular expressions cut a text into the pieces
// that merges never cross. To add one: a row in the table of pre_tokenizers.cc.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZERS_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZERS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

struct PreTokenizerInfo {
  absl::string_view name;                           // value of tokenizer.ggml.pre
  absl::Span<const absl::string_view> aliases;      // other values that mean the same
  absl::Span<const absl::string_view> expressions;  // applied one after the other; see PreTokenizer
  bool ignore_merges;  // a piece that is a token as a whole is not put together by merges
  bool add_bos;        // when tokenizer.ggml.add_bos_token is absent
};

// All of them.
absl::Span<const PreTokenizerInfo> PreTokenizers();

// By name or alias; null when unknown.
const PreTokenizerInfo* FindPreTokenizer(absl::string_view name);

// "default, gpt-2, llama-bpe, ...", for messages.
std::string PreTokenizerNames();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_PRE_TOKENIZERS_H_
