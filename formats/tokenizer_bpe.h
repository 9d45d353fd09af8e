// Vocabularies of byte-level BPE (tokenizer.ggml.model = "gpt2") from tokenizer.json.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_BPE_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_BPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/token_list.h"
#include "formats/tokenizer_files.h"

namespace gguf {

struct BpeVocabulary {
  TokenList list;                   // texts in the byte-to-unicode alphabet; scores mean nothing
  std::vector<std::string> merges;  // "left right" in order of rank; spaces in a part are U+0120
};

// Of files.tokenizer, which must be of kind kByteLevelBpe; merges from merges.txt when it has none.
// InvalidArgument names the file and what is wrong with it.
absl::StatusOr<BpeVocabulary> ReadByteLevelBpe(const TokenizerFiles& files, uint64_t vocab_size);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_BPE_H_
