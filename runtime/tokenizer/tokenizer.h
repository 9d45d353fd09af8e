// Text to token ids and back, from the metadata of a GGUF alone.
//
//   GGUF_ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::Load(model.metadata()));
//   GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer->Encode("Hello"));
//   std::string text = tokenizer->Decode(ids);
//
// Three algorithms, by tokenizer.ggml.model: SentencePiece BPE ("llama"), byte-level BPE ("gpt2")
// and WordPiece ("bert"). What a GGUF cannot express is not done: Unicode normalization before
// byte-level BPE, white space swallowed by special tokens (Phi-3's excepted).

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TOKENIZER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "runtime/tokenizer/special_splitter.h"
#include "runtime/tokenizer/text_encoder.h"
#include "runtime/tokenizer/vocabulary.h"

namespace gguf {

struct EncodeOptions {
  // Put BOS in front and EOS behind where the model wants them.
  bool add_special = true;
  // Take the text of a control token, such as "<|im_end|>", for that token. Off for text that comes
  // from somebody who may not end a turn or speak as somebody else.
  bool parse_special = true;
};

struct DecodeOptions {
  // Show control tokens by their text instead of leaving them out.
  bool show_special = false;
};

// Immutable and thread-safe.
class Tokenizer {
 public:
  // Errors as Vocabulary::Load; also NotFound and InvalidArgument for tokenizer.ggml.merges. Takes
  // time and memory proportional to the tokenizer.* keys; `metadata` is not needed afterwards.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata);

  // Any bytes; what is no UTF-8 becomes byte tokens where the vocabulary has them.
  // InvalidArgument: more than kMaxTextBytes, or text that no token can express in a vocabulary
  // without an unknown token. ResourceExhausted: see PreTokenizer.
  // O(n log n) in the length of the text.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                              const EncodeOptions& options = {}) const;

  // Bytes, which are UTF-8 when the ids are of such a text. Ids that are no tokens are left out.
  // The space that Encode puts in front is removed. Of WordPiece, words with a space between.
  std::string Decode(absl::Span<const int32_t> ids, const DecodeOptions& options = {}) const;

  int32_t vocab_size() const { return vocabulary_.size(); }
  // As stored ("\u2581the", "\u0120the"); empty for an id that is no token.
  absl::string_view TokenText(int32_t id) const;
  // What a token adds to a text that has begun already (" the"), control tokens shown.
  std::string Piece(int32_t id) const;
  // kNoToken when no token has exactly this text.
  int32_t FindToken(absl::string_view text) const { return vocabulary_.Find(text); }

  int32_t bos() const { return vocabulary_.special().bos; }  // kNoToken when there is none
  int32_t eos() const { return vocabulary_.special().eos; }
  int32_t eot() const { return vocabulary_.special().eot; }
  const SpecialTokens& special() const { return vocabulary_.special(); }
  bool add_bos() const { return vocabulary_.add_bos(); }
  bool add_eos() const { return vocabulary_.add_eos(); }
  // EOS, EOT, EOM, and tokens such as <|eot_id|> or <end_of_turn> whatever the file calls them.
  bool IsEndOfGeneration(int32_t id) const { return vocabulary_.IsEndOfGeneration(id); }

  // Questionable metadata: one sentence each.
  const std::vector<std::string>& warnings() const { return vocabulary_.warnings(); }
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  friend class StreamDecoder;

  explicit Tokenizer(Vocabulary vocabulary)
      : vocabulary_(std::move(vocabulary)), splitter_(&vocabulary_) {}

  // Appends what `id` adds to a text; *at_start until something was appended.
  void AppendPiece(int32_t id, const DecodeOptions& options, bool* at_start,
                   std::string* out) const;

  const Vocabulary vocabulary_;
  const SpecialSplitter splitter_;
  std::unique_ptr<const TextEncoder> encoder_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TOKENIZER_H_
