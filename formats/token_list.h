// The vocabulary of a GGUF while it is put together: texts, scores and types by id.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKEN_LIST_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKEN_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Values of tokenizer.ggml.token_type; the same numbers as in a SentencePiece model.
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

// Largest vocabulary accepted; published ones stay below 2^19.
inline constexpr uint64_t kMaxVocabulary = uint64_t{1} << 22;

inline constexpr float kAddedTokenScore = -1000.0f;
inline constexpr float kPaddingScore = -10000.0f;

struct TokenList {
  // All of one length.
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> types;  // TokenType

  // `vocab_size` tokens without text. InvalidArgument above kMaxVocabulary.
  static absl::StatusOr<TokenList> Create(uint64_t vocab_size);

  size_t size() const { return texts.size(); }

  // id < size().
  void Set(uint64_t id, absl::string_view text, float score, TokenType type);

  // Sets a token that was added to the base vocabulary: CONTROL when `special` or its text looks
  // special, else USER_DEFINED with every U+2581 in the text turned into a space.
  void SetAdded(uint64_t id, absl::string_view text, bool special);

  // Gives tokens still without text the text "[PAD<id>]" and type UNUSED. InvalidArgument when two
  // tokens have the same text: runtimes need them distinct.
  absl::Status Finish();
};

// True for texts that are markers whatever a file says of them: "<|im_end|>", "<unused7>", ...
bool LooksSpecial(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKEN_LIST_H_
