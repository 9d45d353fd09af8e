// Byte pair encoding as SentencePiece does it (tokenizer.ggml.model = "llama"): of all pairs of
// neighbouring symbols whose joint text is a token, the one with the highest score is merged.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SENTENCEPIECE_ENCODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SENTENCEPIECE_ENCODER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/tokenizer/text_encoder.h"
#include "runtime/tokenizer/vocabulary.h"

namespace gguf {

// Spaces become U+2581, one is put in front where the vocabulary asks for it. A character that is
// no token becomes its bytes (<0xHH>), or the unknown token when there are none of these.
class SentencePieceEncoder : public TextEncoder {
 public:
  // `vocabulary` must outlive it.
  explicit SentencePieceEncoder(const Vocabulary* vocabulary);

  absl::Status Encode(absl::string_view text, std::vector<int32_t>* ids) const override;

 private:
  class Run;

  // Id of a token that merges can make: not a marker, not a byte.
  int32_t FindPiece(absl::string_view text) const;

  const Vocabulary* vocabulary_;
  absl::flat_hash_map<absl::string_view, int32_t> pieces_;
  std::array<int32_t, 256> byte_ids_;
  size_t longest_piece_ = 0;  // bytes
  // No piece goes on with U+2581 after something else, so words can be encoded one by one.
  bool words_are_independent_ = true;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SENTENCEPIECE_ENCODER_H_
