// From the tokenizer files of a checkpoint to the tokenizer.* keys of a GGUF.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/hf_config.h"
#include "formats/tokenizer_files.h"
#include "gguf/metadata.h"

namespace gguf {

struct TokenizerOptions {
  uint64_t vocab_size = 0;  // rows of the embedding
  absl::string_view pre;    // pre-tokenizer of a byte-level BPE; empty: recognise it
  // Of SentencePiece kind: tokenizer.json has the last word on added tokens, and only their
  // `special` flag makes them CONTROL, not their look.
  bool trusts_special_flag = false;
};

// Sets tokenizer.ggml.{model,pre,tokens,token_type}, what else the kind of tokenizer needs (scores;
// merges; the normalizer's flags), the special tokens and the chat template. The list has
// `vocab_size` tokens, one for every row of the embedding. Prefers tokenizer.model to
// tokenizer.json, and that to vocab.txt. `pre`: name of the pre-tokenizer of a byte-level BPE;
// empty to recognise it (pre_tokenizer.h).
//
// NotFound, naming the files looked for, when there is none; Unimplemented for a tokenizer of
// another kind than SentencePiece, byte-level BPE and WordPiece.
absl::Status SetTokenizer(const TokenizerFiles& files, const HfConfig& config,
                          const TokenizerOptions& options, Metadata* metadata,
                          std::vector<std::string>* warnings);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_H_
