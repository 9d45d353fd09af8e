// WordPiece (tokenizer.ggml.model = "bert"): the text is cleaned and cut into words, and each word
// is covered greedily by the longest tokens.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_PIECE_ENCODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_PIECE_ENCODER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/tokenizer/prefix_index.h"
#include "runtime/tokenizer/text_encoder.h"
#include "runtime/tokenizer/vocabulary.h"

namespace gguf {

// In a GGUF a token that begins a word has U+2581 in front, one that continues a word is written
// plainly. A word of more than 100 characters, or one that tokens cannot cover, is one unknown
// token. Bytes that are no UTF-8 are dropped like control characters.
class WordPieceEncoder : public TextEncoder {
 public:
  // `vocabulary` must outlive it.
  explicit WordPieceEncoder(const Vocabulary* vocabulary);

  absl::Status Encode(absl::string_view text, std::vector<int32_t>* ids) const override;

 private:
  absl::Status EncodeWord(absl::string_view word, std::vector<int32_t>* ids) const;

  const Vocabulary* vocabulary_;
  PrefixIndex pieces_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_PIECE_ENCODER_H_
