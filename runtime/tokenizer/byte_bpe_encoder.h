// Byte-level byte pair encoding (tokenizer.ggml.model = "gpt2"): regular expressions cut the text
// into pieces, and in each the pair of neighbours that comes first in the list of merges is merged.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_BPE_ENCODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_BPE_ENCODER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/metadata.h"
#include "runtime/tokenizer/pre_tokenizer.h"
#include "runtime/tokenizer/symbol_merger.h"
#include "runtime/tokenizer/text_encoder.h"
#include "runtime/tokenizer/vocabulary.h"

namespace gguf {

class ByteBpeEncoder : public TextEncoder {
 public:
  // Merges come from tokenizer.ggml.merges; NotFound when absent, InvalidArgument when one is not
  // two texts with a space between. A merge may make or use a text that is no token: it is a step
  // towards others, and what is left of it at the end is written byte by byte.
  // `vocabulary` must outlive the encoder.
  static absl::StatusOr<std::unique_ptr<ByteBpeEncoder>> Create(const Metadata& metadata,
                                                                const Vocabulary* vocabulary);

  absl::Status Encode(absl::string_view text, std::vector<int32_t>* ids) const override;

 private:
  ByteBpeEncoder(const Vocabulary* vocabulary, PreTokenizer pre_tokenizer, bool ignore_merges)
      : vocabulary_(vocabulary),
        pre_tokenizer_(std::move(pre_tokenizer)),
        ignore_merges_(ignore_merges) {}

  absl::Status LoadMerges(const std::vector<std::string>& merges);
  absl::Status EncodePiece(absl::string_view piece, SymbolMerger<int32_t>* merger,
                           std::vector<int32_t>* ids) const;
  absl::Status EmitBytes(absl::string_view bytes, std::vector<int32_t>* ids) const;
  // The token that is the whole piece, or kNoToken.
  int32_t FindWhole(absl::string_view piece) const;

  const Vocabulary* vocabulary_;
  PreTokenizer pre_tokenizer_;
  bool ignore_merges_;
  // Symbols are numbered: tokens by their ids, other texts that occur in merges after them.
  std::array<int32_t, 256> byte_symbols_;
  absl::flat_hash_map<uint64_t, PairMerge<int32_t>> merges_;  // by left symbol << 32 | right symbol
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_BYTE_BPE_ENCODER_H_
