#include "formats/tokenizer_wordpiece.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "formats/folder.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_spm.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kInsideWord = "##";
constexpr absl::string_view kWordStart = "\xE2\x96\x81";  // U+2581

absl::optional<bool> FindBool(const Json& object, absl::string_view key) {
  const Json* found = object.Find(key);
  if (found == nullptr || found->boolean() == nullptr) return absl::nullopt;
  return *found->boolean();
}

absl::StatusOr<TokenList> ReadVocabTxt(const std::string& path, absl::string_view text,
                                       uint64_t vocab_size) {
  GGUF_ASSIGN_OR_RETURN(TokenList list, TokenList::Create(vocab_size));
  uint64_t id = 0;
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    line = absl::StripSuffix(line, "\r");
    if (id >= vocab_size || line.empty() || !IsUtf8(line)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": line ", id + 1, " is \"", EscapeText(line, 80),
                       "\", expected a token, and as many lines as the model's vocab_size ",
                       vocab_size, " at most; the tokenizer belongs to another model."));
    }
    list.Set(id++, line, 0.0f, TokenType::kNormal);
  }
  return list;
}

}  // namespace

absl::StatusOr<WordPieceVocabulary> ReadWordPiece(const TokenizerFiles& files, uint64_t vocab_size,
                                                  std::vector<std::string>* warnings) {
  WordPieceVocabulary vocabulary;
  if (files.tokenizer.is_null()) {
    GGUF_ASSIGN_OR_RETURN(vocabulary.list, ReadVocabTxt(JoinPath(files.folder, "vocab.txt"),
                                                        *files.word_pieces, vocab_size));
    GGUF_RETURN_IF_ERROR(SetAddedTokens(files, false, &vocabulary.list, warnings));
    vocabulary.lowercase = FindBool(files.config, "do_lower_case");
    vocabulary.strip_accents = FindBool(files.config, "strip_accents");
    return vocabulary;
  }
  GGUF_ASSIGN_OR_RETURN(vocabulary.list, ReadVocabulary(JoinPath(files.folder, "tokenizer.json"),
                                                        files.tokenizer, vocab_size));
  for (const Json* step : Flatten(files.tokenizer.Find("normalizer"), "normalizers")) {
    if (!HasType(step, "BertNormalizer")) continue;
    vocabulary.lowercase = FindBool(*step, "lowercase");
    vocabulary.strip_accents = FindBool(*step, "strip_accents");
  }
  return vocabulary;
}

absl::Status FinishWordPiece(TokenList* list) {
  GGUF_RETURN_IF_ERROR(list->Finish());
  for (size_t id = 0; id < list->size(); ++id) {
    std::string& text = list->texts[id];
    if (list->types[id] == static_cast<int32_t>(TokenType::kControl)) continue;
    if (absl::StartsWith(text, kInsideWord) && text.size() > kInsideWord.size()) {
      text.erase(0, kInsideWord.size());
    } else {
      text.insert(0, kWordStart.data(), kWordStart.size());
    }
  }
  return absl::OkStatus();
}

}  // namespace gguf
