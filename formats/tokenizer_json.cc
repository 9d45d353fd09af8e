#include "formats/tokenizer_json.h"

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

template <typename... Parts>
absl::Status Broken(absl::string_view file_name, const Parts&... what) {
  return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", what...));
}

bool HasByteLevel(const Json* step, absl::string_view list) {
  for (const Json* inner : Flatten(step, list)) {
    if (HasType(inner, "ByteLevel")) return true;
  }
  return false;
}

absl::StatusOr<Merge> ParseMerge(absl::string_view file_name, const Json& merge) {
  if (const std::string* text = merge.string()) {
    const size_t space = text->find(' ');
    if (space != std::string::npos && text->find(' ', space + 1) == std::string::npos) {
      return Merge(text->substr(0, space), text->substr(space + 1));
    }
  }
  const Json::Array* pair = merge.array();
  if (pair != nullptr && pair->size() == 2 && (*pair)[0].string() && (*pair)[1].string()) {
    return Merge(*(*pair)[0].string(), *(*pair)[1].string());
  }
  return Broken(file_name, "model.merges holds ", merge.Describe(),
                ", expected two texts; download the file again.");
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

}  // namespace

bool HasType(const Json* step, absl::string_view type) {
  const std::string* found = step == nullptr ? nullptr : step->FindString("type");
  return found != nullptr && *found == type;
}

std::vector<const Json*> Flatten(const Json* step, absl::string_view list) {
  std::vector<const Json*> steps;
  if (step == nullptr || step->is_null()) return steps;
  const Json::Array* inner = step->FindArray(list);
  if (inner == nullptr) return {step};
  for (const Json& each : *inner) {
    for (const Json* flat : Flatten(&each, list)) steps.push_back(flat);
  }
  return steps;
}

TokenizerJsonKind KindOf(const Json& tokenizer_json) {
  const Json* model = tokenizer_json.Find("model");
  if (HasType(model, "WordPiece")) return TokenizerJsonKind::kWordPiece;
  if (HasType(model, "Unigram")) return TokenizerJsonKind::kUnigram;
  // Old files do not name the type of a BPE model, but only that has merges.
  const bool is_bpe =
      HasType(model, "BPE") ||
      (model != nullptr && model->Find("type") == nullptr && model->FindArray("merges") != nullptr);
  if (!is_bpe) return TokenizerJsonKind::kOther;
  if (HasByteLevel(tokenizer_json.Find("decoder"), "decoders") ||
      HasByteLevel(tokenizer_json.Find("pre_tokenizer"), "pretokenizers")) {
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

absl::StatusOr<TokenList> ReadVocabulary(absl::string_view file_name, const Json& json,
                                         uint64_t vocab_size) {
  const Json* model = json.Find("model");
  const Json::Object* vocab = model == nullptr ? nullptr : model->FindObject("vocab");
  if (vocab == nullptr) return Broken(file_name, "has no model.vocab; download it again.");
  GGUF_ASSIGN_OR_RETURN(TokenList list, TokenList::Create(vocab_size));
  for (const auto& [text, id] : *vocab) {
    GGUF_RETURN_IF_ERROR(CheckId(file_name, text, &id, vocab_size));
    list.Set(*id.whole_number(), text, 0.0f, TokenType::kNormal);
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

absl::StatusOr<std::vector<Merge>> ReadMerges(absl::string_view file_name, const Json& json) {
  const Json* model = json.Find("model");
  const Json::Array* array = model == nullptr ? nullptr : model->FindArray("merges");
  if (array == nullptr) return Broken(file_name, "has no model.merges; download it again.");
  std::vector<Merge> merges;
  merges.reserve(array->size());
  for (const Json& each : *array) {
    GGUF_ASSIGN_OR_RETURN(Merge merge, ParseMerge(file_name, each));
    merges.push_back(std::move(merge));
  }
  return merges;
}

}  // namespace gguf
