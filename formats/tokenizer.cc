#include "formats/tokenizer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "formats/pre_tokenizer.h"
#include "formats/sentencepiece_model.h"
#include "formats/token_list.h"
#include "formats/tokenizer_bpe.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_special.h"
#include "formats/tokenizer_spm.h"
#include "formats/tokenizer_wordpiece.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

// What every kind needs to set its keys.
struct Request {
  const TokenizerFiles& files;
  const TokenizerOptions& options;
  Metadata* metadata;
  std::vector<std::string>* warnings;
};

absl::Status At(const TokenizerFiles& files, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(files.folder, ": ", status.message()));
}

void SetCommon(absl::string_view model, absl::string_view pre, TokenList list, Metadata* metadata) {
  metadata->Set(keys::kTokenizerModel, model);
  metadata->Set(keys::kTokenizerPre, pre);
  metadata->Set(keys::kTokenizerTokens, std::move(list.texts));
  metadata->Set(keys::kTokenizerTokenType, std::move(list.types));
}

absl::Status SetSentencePiece(const Request& request) {
  const TokenizerFiles& files = request.files;
  TokenList list;
  if (files.sentencepiece.has_value()) {
    GGUF_ASSIGN_OR_RETURN(
        const SentencePieceModel model,
        ParseSentencePieceModel(JoinPath(files.folder, "tokenizer.model"), *files.sentencepiece));
    GGUF_ASSIGN_OR_RETURN(
        list, TokensOfSentencePiece(model, request.options.vocab_size, request.warnings));
  } else {
    GGUF_ASSIGN_OR_RETURN(list, TokensOfTokenizerJson(JoinPath(files.folder, "tokenizer.json"),
                                                      files.tokenizer, request.options.vocab_size));
  }
  GGUF_RETURN_IF_ERROR(
      SetAddedTokens(files, request.options.trusts_special_flag, &list, request.warnings));
  GGUF_RETURN_IF_ERROR(At(files, list.Finish()));
  request.metadata->Set(keys::kTokenizerScores, std::move(list.scores));
  SetCommon("llama", "default", std::move(list), request.metadata);
  return absl::OkStatus();
}

absl::Status SetByteLevelBpe(const Request& request) {
  const TokenizerFiles& files = request.files;
  std::string pre(request.options.pre);
  if (pre.empty()) {
    GGUF_ASSIGN_OR_RETURN(pre, RecognizePreTokenizer(JoinPath(files.folder, "tokenizer.json"),
                                                     files.tokenizer, request.warnings));
  } else {
    GGUF_RETURN_IF_ERROR(CheckPreTokenizerName(pre));
  }
  GGUF_ASSIGN_OR_RETURN(BpeVocabulary vocabulary,
                        ReadByteLevelBpe(files, request.options.vocab_size));
  GGUF_RETURN_IF_ERROR(At(files, vocabulary.list.Finish()));
  SetCommon("gpt2", pre, std::move(vocabulary.list), request.metadata);
  request.metadata->Set(keys::kTokenizerMerges, std::move(vocabulary.merges));
  return absl::OkStatus();
}

absl::Status SetWordPiece(const Request& request) {
  GGUF_ASSIGN_OR_RETURN(WordPieceVocabulary vocabulary,
                        ReadWordPiece(request.files, request.options.vocab_size, request.warnings));
  GGUF_RETURN_IF_ERROR(At(request.files, FinishWordPiece(&vocabulary.list)));
  // The name that the field writes for English BERT vocabularies; readers ignore it.
  SetCommon("bert", "jina-v2-en", std::move(vocabulary.list), request.metadata);
  if (vocabulary.lowercase.has_value()) {
    request.metadata->Set(keys::kTokenizerNormalizerLowercase, *vocabulary.lowercase);
  }
  if (vocabulary.strip_accents.has_value()) {
    request.metadata->Set(keys::kTokenizerNormalizerStripAccents, *vocabulary.strip_accents);
  }
  return absl::OkStatus();
}

absl::Status SetVocabulary(const Request& request) {
  const TokenizerFiles& files = request.files;
  if (files.sentencepiece.has_value()) return SetSentencePiece(request);
  if (files.tokenizer.is_null()) {
    if (files.word_pieces.has_value()) return SetWordPiece(request);
    return absl::NotFoundError(
        absl::StrCat(files.folder,
                     ": has neither tokenizer.model nor tokenizer.json nor vocab.txt, one of which "
                     "is needed for the vocabulary; download it into the folder."));
  }
  switch (const TokenizerJsonKind kind = KindOf(files.tokenizer)) {
    case TokenizerJsonKind::kSentencePieceBpe:
      return SetSentencePiece(request);
    case TokenizerJsonKind::kByteLevelBpe:
      return SetByteLevelBpe(request);
    case TokenizerJsonKind::kWordPiece:
      return SetWordPiece(request);
    default:
      return absl::UnimplementedError(absl::StrCat(
          JoinPath(files.folder, "tokenizer.json"), ": describes a tokenizer of kind ",
          NameOf(kind), ", which is not supported; supported are SentencePiece (tokenizer.model), ",
          NameOf(TokenizerJsonKind::kSentencePieceBpe), ", ",
          NameOf(TokenizerJsonKind::kByteLevelBpe), " and ", NameOf(TokenizerJsonKind::kWordPiece),
          "."));
  }
}

}  // namespace

absl::Status SetTokenizer(const TokenizerFiles& files, const HfConfig& config,
                          const TokenizerOptions& options, Metadata* metadata,
                          std::vector<std::string>* warnings) {
  GGUF_RETURN_IF_ERROR(SetVocabulary({files, options, metadata, warnings}));
  SetSpecialTokens(files, config, options.vocab_size, metadata, warnings);
  return SetChatTemplates(files, metadata);
}

}  // namespace gguf
