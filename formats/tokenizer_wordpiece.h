// Vocabularies of WordPiece (tokenizer.ggml.model = "bert") from tokenizer.json or vocab.txt.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_WORDPIECE_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_WORDPIECE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "formats/token_list.h"
#include "formats/tokenizer_files.h"

namespace gguf {

struct WordPieceVocabulary {
  // Texts as a GGUF has them: a piece inside a word ("##ing") without its mark, any other that is
  // not CONTROL with U+2581 before it.
  TokenList list;
  // What the normalizer does to a text; absent when nothing is said.
  absl::optional<bool> lowercase;
  absl::optional<bool> strip_accents;
};

// Of files.tokenizer when that is of kind kWordPiece, else of vocab.txt (a token a line) with the
// added tokens of tokenizer_config.json and its do_lower_case and strip_accents. Call
// FinishWordPiece when all tokens are set.
absl::StatusOr<WordPieceVocabulary> ReadWordPiece(const TokenizerFiles& files, uint64_t vocab_size,
                                                  std::vector<std::string>* warnings);

// TokenList::Finish, then rewrites the texts.
absl::Status FinishWordPiece(TokenList* list);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_WORDPIECE_H_
