// Vocabularies of SentencePiece kind (tokenizer.ggml.model = "llama"): from tokenizer.model, or
// rebuilt from a tokenizer.json that describes the same thing.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPM_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json.h"
#include "formats/sentencepiece_model.h"
#include "formats/token_list.h"
#include "formats/tokenizer_files.h"

namespace gguf {

// The pieces of a model by id. Pieces beyond `vocab_size` are left out, with a warning.
absl::StatusOr<TokenList> TokensOfSentencePiece(const SentencePieceModel& model,
                                                uint64_t vocab_size,
                                                std::vector<std::string>* warnings);

// The vocabulary of a tokenizer.json of kind kSentencePieceBpe. The score of a token is minus the
// index of the first merge that makes it, 0 when none does: the order in which SentencePiece would
// merge. InvalidArgument, naming `file_name`, when an id is no whole number below `vocab_size` or a
// merge is not two texts.
absl::StatusOr<TokenList> TokensOfTokenizerJson(absl::string_view file_name, const Json& json,
                                                uint64_t vocab_size);

// Overwrites with added_tokens.json, then with added_tokens_decoder of tokenizer_config.json
// (TokenList::SetAdded). With `trusts_special_flag`, tokens of that and, over it, added_tokens of
// tokenizer.json are CONTROL when their flag says so, else USER_DEFINED, whatever they look like.
// Ids beyond the list are left out, with a warning. InvalidArgument for malformed entries.
absl::Status SetAddedTokens(const TokenizerFiles& files, bool trusts_special_flag, TokenList* list,
                            std::vector<std::string>* warnings);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPM_H_
