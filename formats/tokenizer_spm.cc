#include "formats/tokenizer_spm.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "formats/tokenizer_json.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

template <typename... Parts>
absl::Status Broken(absl::string_view file_name, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", what...));
}

// "<0x0A>".
bool IsBytePiece(absl::string_view text) {
  return text.size() == 6 && absl::StartsWith(text, "<0x") && text[5] == '>' &&
         absl::ascii_isxdigit(text[3]) && absl::ascii_isxdigit(text[4]);
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

// A token with its flag, by the rules of SetAddedTokens.
void SetFlagged(uint64_t id, const std::string& text, bool special, bool trusts_special_flag,
                TokenList* list) {
  if (trusts_special_flag) {
    list->Set(id, text, kAddedTokenScore, special ? TokenType::kControl : TokenType::kUserDefined);
  } else {
    list->SetAdded(id, text, special);
  }
}

absl::Status SetFromDecoder(const TokenizerFiles& files, bool trusts_special_flag, TokenList* list,
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
    SetFlagged(id, *text, token.FindTrue("special"), trusts_special_flag, list);
  }
  return absl::OkStatus();
}

absl::Status SetFromTokenizerJson(const TokenizerFiles& files, TokenList* list,
                                  std::vector<std::string>* warnings) {
  const Json::Array* added = files.tokenizer.FindArray("added_tokens");
  if (added == nullptr) return absl::OkStatus();
  const std::string path = JoinPath(files.folder, "tokenizer.json");
  BeyondVocabulary beyond(path, list->size(), warnings);
  for (const Json& token : *added) {
    const std::string* text = token.FindString("content");
    const Json* id = token.Find("id");
    if (text == nullptr || text->empty() || id == nullptr || !id->whole_number()) {
      return Broken(path, "added_tokens has ", token.Describe(),
                    ", expected objects with id and content; download the file again.");
    }
    if (beyond.Contains(*id->whole_number(), *text)) continue;
    SetFlagged(*id->whole_number(), *text, token.FindTrue("special"), true, list);
  }
  return absl::OkStatus();
}

}  // namespace

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
  GGUF_ASSIGN_OR_RETURN(TokenList list, ReadVocabulary(file_name, json, vocab_size));
  GGUF_ASSIGN_OR_RETURN(const std::vector<Merge> merges, ReadMerges(file_name, json));
  absl::flat_hash_map<std::string, size_t> first;
  for (size_t i = 0; i < merges.size(); ++i) {
    first.emplace(absl::StrCat(merges[i].first, merges[i].second), i);
  }
  for (size_t id = 0; id < list.size(); ++id) {
    if (list.types[id] != static_cast<int32_t>(TokenType::kNormal)) continue;
    const auto merge = first.find(list.texts[id]);
    if (merge != first.end()) list.scores[id] = -static_cast<float>(merge->second);
    if (IsBytePiece(list.texts[id])) list.types[id] = static_cast<int32_t>(TokenType::kByte);
  }
  return list;
}

absl::Status SetAddedTokens(const TokenizerFiles& files, bool trusts_special_flag, TokenList* list,
                            std::vector<std::string>* warnings) {
  GGUF_RETURN_IF_ERROR(SetFromAddedTokens(files, list, warnings));
  GGUF_RETURN_IF_ERROR(SetFromDecoder(files, trusts_special_flag, list, warnings));
  if (!trusts_special_flag) return absl::OkStatus();
  return SetFromTokenizerJson(files, list, warnings);
}

}  // namespace gguf
