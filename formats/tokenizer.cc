#include "formats/tokenizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "formats/sentencepiece_model.h"
#include "formats/token_list.h"
#include "formats/tokenizer_special.h"
#include "formats/tokenizer_spm.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

absl::StatusOr<TokenList> BaseVocabulary(const TokenizerFiles& files, uint64_t vocab_size,
                                         std::vector<std::string>* warnings) {
  if (files.sentencepiece.has_value()) {
    GGUF_ASSIGN_OR_RETURN(
        const SentencePieceModel model,
        ParseSentencePieceModel(JoinPath(files.folder, "tokenizer.model"), *files.sentencepiece));
    return TokensOfSentencePiece(model, vocab_size, warnings);
  }
  const std::string path = JoinPath(files.folder, "tokenizer.json");
  if (files.tokenizer.is_null()) {
    return absl::NotFoundError(
        absl::StrCat(files.folder,
                     ": has neither tokenizer.model nor tokenizer.json, one of which "
                     "is needed for the vocabulary; download it into the folder."));
  }
  const TokenizerJsonKind kind = KindOf(files.tokenizer);
  if (kind != TokenizerJsonKind::kSentencePieceBpe) {
    return absl::UnimplementedError(absl::StrCat(
        path, ": describes a tokenizer of kind ", NameOf(kind),
        ", which is not supported yet; supported are tokenizer.model and a tokenizer.json of kind ",
        NameOf(TokenizerJsonKind::kSentencePieceBpe), "."));
  }
  return TokensOfTokenizerJson(path, files.tokenizer, vocab_size);
}

}  // namespace

absl::Status SetTokenizer(const TokenizerFiles& files, const HfConfig& config, uint64_t vocab_size,
                          Metadata* metadata, std::vector<std::string>* warnings) {
  GGUF_ASSIGN_OR_RETURN(TokenList list, BaseVocabulary(files, vocab_size, warnings));
  GGUF_RETURN_IF_ERROR(SetAddedTokens(files, &list, warnings));
  const absl::Status finished = list.Finish();
  if (!finished.ok()) {
    return absl::Status(finished.code(), absl::StrCat(files.folder, ": ", finished.message()));
  }
  metadata->Set(keys::kTokenizerModel, "llama");
  metadata->Set(keys::kTokenizerPre, "default");
  metadata->Set(keys::kTokenizerTokens, std::move(list.texts));
  metadata->Set(keys::kTokenizerScores, std::move(list.scores));
  metadata->Set(keys::kTokenizerTokenType, std::move(list.types));
  SetSpecialTokens(files, config, vocab_size, metadata, warnings);
  return SetChatTemplates(files, metadata);
}

}  // namespace gguf
