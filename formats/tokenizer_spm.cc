#include "formats/tokenizer_spm.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

template <typename... Parts>
absl::Status Broken(absl::string_view file_name, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", what...));
}

bool HasType(const Json* step, absl::string_view type) {
  const std::string* found = step == nullptr ? nullptr : step->FindString("type");
  return found != nullptr && *found == type;
}

// True when `step` is a ByteLevel step or a Sequence with one.
bool HasByteLevel(const Json* step) {
  if (HasType(step, "ByteLevel")) return true;
  if (step == nullptr) return false;
  for (const absl::string_view list : {"pretokenizers", "decoders"}) {
    const Json::Array* steps = step->FindArray(list);
    if (steps == nullptr) continue;
    for (const Json& inner : *steps) {
      if (HasType(&inner, "ByteLevel")) return true;
    }
  }
  return false;
}

// "<0x0A>".
bool IsBytePiece(absl::string_view text) {
  return text.size() == 6 && absl::StartsWith(text, "<0x") && text[5] == '>' &&
         absl::ascii_isxdigit(text[3]) && absl::ascii_isxdigit(text[4]);
}

// The text a merge makes: of "left right" or ["left", "right"].
absl::StatusOr<std::string> MergeResult(absl::string_view file_name, const Json& merge) {
  if (const std::string* text = merge.string()) {
    const size_t space = text->find(' ');
    if (space != std::string::npos && text->find(' ', space + 1) == std::string::npos) {
      return absl::StrCat(text->substr(0, space), text->substr(space + 1));
    }
  }
  const Json::Array* pair = merge.array();
  if (pair != nullptr && pair->size() == 2 && (*pair)[0].string() && (*pair)[1].string()) {
    return absl::StrCat(*(*pair)[0].string(), *(*pair)[1].string());
  }
  return Broken(file_name, "model.merges holds ", merge.Describe(),
                ", expected two texts; download the file again.");
}

absl::StatusOr<absl::flat_hash_map<std::string, size_t>> FirstMerges(absl::string_view file_name,
                                                                     const Json& model) {
  absl::flat_hash_map<std::string, size_t> first;
  const Json::Array* merges = model.FindArray("merges");
  if (merges == nullptr) return Broken(file_name, "has no model.merges; download it again.");
  for (size_t i = 0; i < merges->size(); ++i) {
    GGUF_ASSIGN_OR_RETURN(std::string made, MergeResult(file_name, (*merges)[i]));
    first.emplace(std::move(made), i);
  }
  return first;
}

absl::Status CheckId(absl::string_view file_name, absl::string_view text, const Json* id,
                     uint64_t vocab_size) {
  const absl::optional<uint64_t> value = id == nullptr ? absl::nullopt : id->whole_number();
  if (value.has_value() && *value < vocab_size && !text.empty()) return absl::OkStatus();
  return Broken(file_name, "token \"", EscapeText(text, 80), "\" has the id ",
                id == nullptr ? "nothing" : id->Describe(),
                ", expected a text and a whole number below the model's vocab_size ", vocab_size,
                "; the tokenizer belongs to another model.");
}

// Collects ids that have no row in the embedding, for one warning per file.
class BeyondVocabulary {
 public:
  BeyondVocabulary(std::string file_name, uint64_t vocab_size, std::vector<std::string>* warnings)
      : file_name_(std::move(file_name)), vocab_size_(vocab_size), warnings_(warnings) {}
  ~BeyondVocabulary() {
    if (count_ == 0) return;
    warnings_->push_back(absl::StrCat(
        file_name_, ": ", count_, " tokens from \"", EscapeText(first_, 80),
        "\" on have ids at or above the model's vocab_size ", vocab_size_, " and are left out."));
  }
  bool Contains(uint64_t id, absl::string_view text) {
    if (id < vocab_size_) return false;
    if (count_++ == 0) first_ = std::string(text);
    return true;
  }

 private:
  std::string file_name_;
  uint64_t vocab_size_;
  std::vector<std::string>* warnings_;
  std::string first_;
  size_t count_ = 0;
};

absl::Status SetFromAddedTokens(const TokenizerFiles& files, TokenList* list,
                                std::vector<std::string>* warnings) {
  const Json::Object* added = files.added_tokens.object();
  if (added == nullptr) return absl::OkStatus();
  const std::string path = JoinPath(files.folder, "added_tokens.json");
  BeyondVocabulary beyond(path, list->size(), warnings);
  for (const auto& [text, id] : *added) {
    if (text.empty() || !id.whole_number().has_value()) {
      return Broken(path, "token \"", EscapeText(text, 80), "\" has the id ", id.Describe(),
                    ", expected a text and a whole number; download the file again.");
    }
    if (beyond.Contains(*id.whole_number(), text)) continue;
    list->Set(*id.whole_number(), text, kAddedTokenScore, TokenType::kUserDefined);
  }
  return absl::OkStatus();
}

absl::Status SetFromDecoder(const TokenizerFiles& files, TokenList* list,
                            std::vector<std::string>* warnings) {
  const Json::Object* decoder = files.config.FindObject("added_tokens_decoder");
  if (decoder == nullptr) return absl::OkStatus();
  const std::string path = JoinPath(files.folder, "tokenizer_config.json");
  BeyondVocabulary beyond(path, list->size(), warnings);
  for (const auto& [key, token] : *decoder) {
    uint64_t id = 0;
    const std::string* text = token.FindString("content");
    if (!absl::SimpleAtoi(key, &id) || text == nullptr || text->empty()) {
      return Broken(path, "added_tokens_decoder has \"", EscapeText(key, 80),
                    "\": ", token.Describe(),
                    ", expected an id and an object with its content; download "
                    "the file again.");
    }
    if (beyond.Contains(id, *text)) continue;
    list->SetAdded(id, *text, token.FindTrue("special"));
  }
  return absl::OkStatus();
}

}  // namespace

TokenizerJsonKind KindOf(const Json& tokenizer_json) {
  const Json* model = tokenizer_json.Find("model");
  if (HasType(model, "WordPiece")) return TokenizerJsonKind::kWordPiece;
  if (HasType(model, "Unigram")) return TokenizerJsonKind::kUnigram;
  // Old files do not name the type of a BPE model, but only that has merges.
  const bool is_bpe =
      HasType(model, "BPE") ||
      (model != nullptr && model->Find("type") == nullptr && model->FindArray("merges") != nullptr);
  if (!is_bpe) return TokenizerJsonKind::kOther;
  if (HasByteLevel(tokenizer_json.Find("decoder")) ||
      HasByteLevel(tokenizer_json.Find("pre_tokenizer"))) {
    return TokenizerJsonKind::kByteLevelBpe;
  }
  if (model->FindTrue("byte_fallback")) return TokenizerJsonKind::kSentencePieceBpe;
  return TokenizerJsonKind::kOther;
}

absl::string_view NameOf(TokenizerJsonKind kind) {
  static constexpr absl::string_view kNames[] = {"SentencePiece-style BPE", "byte-level BPE",
                                                 "WordPiece", "Unigram", "unknown"};
  return kNames[static_cast<size_t>(kind)];
}

absl::StatusOr<TokenList> TokensOfSentencePiece(const SentencePieceModel& model,
                                                uint64_t vocab_size,
                                                std::vector<std::string>* warnings) {
  GGUF_ASSIGN_OR_RETURN(TokenList list, TokenList::Create(vocab_size));
  BeyondVocabulary beyond("tokenizer.model", vocab_size, warnings);
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePieceModel::Piece& piece = model.pieces[id];
    if (beyond.Contains(id, piece.text)) continue;
    list.Set(id, piece.text, piece.score, piece.type);
  }
  return list;
}

absl::StatusOr<TokenList> TokensOfTokenizerJson(absl::string_view file_name, const Json& json,
                                                uint64_t vocab_size) {
  const Json* model = json.Find("model");
  const Json::Object* vocab = model == nullptr ? nullptr : model->FindObject("vocab");
  if (vocab == nullptr) return Broken(file_name, "has no model.vocab; download it again.");
  GGUF_ASSIGN_OR_RETURN(TokenList list, TokenList::Create(vocab_size));
  GGUF_ASSIGN_OR_RETURN(const auto first_merge, FirstMerges(file_name, *model));
  for (const auto& [text, id] : *vocab) {
    GGUF_RETURN_IF_ERROR(CheckId(file_name, text, &id, vocab_size));
    const auto merge = first_merge.find(text);
    const float score = merge == first_merge.end() ? 0.0f : -static_cast<float>(merge->second);
    list.Set(*id.whole_number(), text, score,
             IsBytePiece(text) ? TokenType::kByte : TokenType::kNormal);
  }
  if (const Json::Array* added = json.FindArray("added_tokens")) {
    for (const Json& token : *added) {
      const std::string* text = token.FindString("content");
      const Json* id = token.Find("id");
      GGUF_RETURN_IF_ERROR(CheckId(file_name, text == nullptr ? "" : *text, id, vocab_size));
      list.SetAdded(*id->whole_number(), *text, token.FindTrue("special"));
    }
  }
  return list;
}

absl::Status SetAddedTokens(const TokenizerFiles& files, TokenList* list,
                            std::vector<std::string>* warnings) {
  GGUF_RETURN_IF_ERROR(SetFromAddedTokens(files, list, warnings));
  return SetFromDecoder(files, list, warnings);
}

}  // namespace gguf
