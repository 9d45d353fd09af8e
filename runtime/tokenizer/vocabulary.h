// The vocabulary of a GGUF: texts, scores and types of its tokens, the special ones, and what is
// added to a text. Everything comes from the tokenizer.* keys.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_VOCABULARY_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_VOCABULARY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/token_list.h"
#include "gguf/metadata.h"

namespace gguf {

// In place of an id: there is no such token.
inline constexpr int32_t kNoToken = -1;

// Longer ones are never found in a text: looking for them would take time in proportion. The
// longest published ones have some 60 bytes.
inline constexpr size_t kMaxSpecialTokenBytes = 256;

enum class VocabularyKind {
  kSentencePiece,  // tokenizer.ggml.model = "llama": spaces are U+2581, unknown bytes <0xHH>
  kByteLevel,      // "gpt2": bytes are written as visible characters
  kWordPiece,      // "bert": words begin with U+2581
};

// Ids, kNoToken where the model has none.
struct SpecialTokens {
  int32_t bos = kNoToken;  // begins a text; [CLS] of a WordPiece model
  int32_t eos = kNoToken;  // ends a text; [SEP] of a WordPiece model
  int32_t eot = kNoToken;  // ends a turn
  int32_t eom = kNoToken;  // ends a message that a tool answers
  int32_t unknown = kNoToken;
  int32_t separator = kNoToken;
  int32_t padding = kNoToken;
  int32_t mask = kNoToken;
};

class Vocabulary {
 public:
  // NotFound: there is no tokenizer. Unimplemented: tokenizer.ggml.model or .pre has an unknown
  // value. InvalidArgument: no tokens or too many, two with one text, arrays of different lengths,
  // a score that is no finite number. Each message names the key, what was found and expected.
  static absl::StatusOr<Vocabulary> Load(const Metadata& metadata);

  VocabularyKind kind() const { return kind_; }
  // tokenizer.ggml.pre, "default" when absent.
  const std::string& pre() const { return pre_; }

  int32_t size() const { return static_cast<int32_t>(texts_->size()); }
  bool Has(int32_t id) const { return id >= 0 && id < size(); }

  // The next three need Has(id).
  const std::string& text(int32_t id) const { return (*texts_)[id]; }
  float score(int32_t id) const { return scores_[id]; }
  TokenType type(int32_t id) const { return types_[id]; }
  // CONTROL or UNKNOWN: not part of what a text says.
  bool IsMarker(int32_t id) const {
    return types_[id] == TokenType::kControl || types_[id] == TokenType::kUnknown;
  }

  // CONTROL, UNKNOWN or USER_DEFINED: found in a text before anything else looks at it.
  bool IsSpecial(int32_t id) const { return IsMarker(id) || types_[id] == TokenType::kUserDefined; }

  // kNoToken when no token has this text.
  int32_t Find(absl::string_view text) const;

  const SpecialTokens& special() const { return special_; }
  bool IsEndOfGeneration(int32_t id) const { return end_of_generation_.contains(id); }

  // What a whole text gets: bos in front, eos behind.
  bool add_bos() const { return add_bos_; }
  bool add_eos() const { return add_eos_; }
  // kSentencePiece: text that begins or follows a special token gets a space in front.
  bool add_space_prefix() const { return add_space_prefix_; }
  // kWordPiece.
  bool lowercase() const { return lowercase_; }
  bool strip_accents() const { return strip_accents_; }
  // True for tokens that swallow the white space behind them when they occur in a text.
  bool StripsRight(int32_t id) const { return strips_right_.contains(id); }

  // Questionable, but no reason not to go on: one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Vocabulary() = default;

  absl::Status LoadTokens(const Metadata& metadata);
  absl::Status IndexTexts();
  absl::Status LoadSpecialTokens(const Metadata& metadata);
  absl::Status LoadFlags(const Metadata& metadata);
  void FindEndTokens();
  void FindTokensThatStrip(const Metadata& metadata);

  VocabularyKind kind_ = VocabularyKind::kSentencePiece;
  std::string pre_;
  std::unique_ptr<const std::vector<std::string>> texts_;
  std::vector<float> scores_;
  std::vector<TokenType> types_;
  absl::flat_hash_map<absl::string_view, int32_t> ids_;  // views of texts_
  SpecialTokens special_;
  absl::flat_hash_set<int32_t> end_of_generation_;
  absl::flat_hash_set<int32_t> strips_right_;
  bool add_bos_ = false;
  bool add_eos_ = false;
  bool add_space_prefix_ = false;
  bool lowercase_ = false;
  bool strip_accents_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_VOCABULARY_H_
