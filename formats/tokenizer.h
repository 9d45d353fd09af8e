// From the tokenizer files of a checkpoint to the tokenizer.* keys of a GGUF.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/hf_config.h"
#include "formats/tokenizer_files.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets tokenizer.ggml.{model,pre,tokens,scores,token_type}, the special tokens and the chat
// template. The list has `vocab_size` tokens, one for every row of the embedding. Prefers
// tokenizer.model to tokenizer.json. NotFound, naming the files looked for, when there is neither;
// Unimplemented for a tokenizer that is not of SentencePiece kind, naming the kind found.
absl::Status SetTokenizer(const TokenizerFiles& files, const HfConfig& config, uint64_t vocab_size,
                          Metadata* metadata, std::vector<std::string>* warnings);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_
