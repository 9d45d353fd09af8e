// Reading a SentencePiece model (tokenizer.model): its vocabulary, in order of id.

#ifndef GGUF_TOOLCHAIN_FORMATS_SENTENCEPIECE_MODEL_H_
#define GGUF_TOOLCHAIN_FORMATS_SENTENCEPIECE_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/token_list.h"

namespace gguf {

// The largest published models have 5 MB; parsed, a hostile file takes at most 50 times its size.
inline constexpr uint64_t kMaxSentencePieceBytes = uint64_t{16} << 20;

struct SentencePieceModel {
  struct Piece {
    std::string text;  // spaces written as U+2581; never empty
    float score = 0;   // finite; of a BPE model: minus the rank of the merge
    TokenType type = TokenType::kNormal;
  };
  std::vector<Piece> pieces;  // index = id
};

// InvalidArgument, naming the file: not a protocol buffer, too large, no pieces, a model other than
// BPE, a piece without text, with an unknown type or a score that is no finite number.
absl::StatusOr<SentencePieceModel> ParseSentencePieceModel(absl::string_view file_name,
                                                           absl::string_view bytes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_SENTENCEPIECE_MODEL_H_
