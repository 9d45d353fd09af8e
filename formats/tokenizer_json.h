// What all kinds of tokenizer.json have in common: which algorithm it describes, its vocabulary and
// its merges.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_JSON_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_JSON_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json.h"
#include "formats/token_list.h"

namespace gguf {

// Which algorithm a tokenizer.json describes.
enum class TokenizerJsonKind {
  kSentencePieceBpe,  // BPE over characters with byte fallback
  kByteLevelBpe,      // BPE over bytes written as visible characters (GPT-2 and its heirs)
  kWordPiece,
  kUnigram,
  kOther,
};
TokenizerJsonKind KindOf(const Json& tokenizer_json);
absl::string_view NameOf(TokenizerJsonKind kind);  // "byte-level BPE"

// True when `step` is an object whose "type" is `type`. `step` may be null.
bool HasType(const Json* step, absl::string_view type);

// `step` and what a Sequence under `list` ("pretokenizers", "normalizers") holds, in order,
// Sequences left out. Nothing for null.
std::vector<const Json*> Flatten(const Json* step, absl::string_view list);

// model.vocab by id: NORMAL, score 0; over it added_tokens (TokenList::SetAdded). InvalidArgument,
// naming `file_name`, when an id is no whole number below `vocab_size`.
absl::StatusOr<TokenList> ReadVocabulary(absl::string_view file_name, const Json& json,
                                         uint64_t vocab_size);

// model.merges in order: texts or pairs of texts. InvalidArgument for anything else.
using Merge = std::pair<std::string, std::string>;
absl::StatusOr<std::vector<Merge>> ReadMerges(absl::string_view file_name, const Json& json);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_JSON_H_
