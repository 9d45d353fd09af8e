#include "runtime/tokenizer/vocabulary.h"

#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/pre_tokenizers.h"

namespace gguf {
namespace {

constexpr size_t kShownBytes = 80;

struct Model {
  absl::string_view name;  // value of tokenizer.ggml.model
  VocabularyKind kind;
  // What an absent key means.
  bool add_bos, add_eos, add_space_prefix;
  SpecialTokens special;
};
constexpr Model kModels[] = {
    {"llama", VocabularyKind::kSentencePiece, true, false, true, {1, 2, -1, -1, 0, -1, -1, -1}},
    {"gpt2", VocabularyKind::kByteLevel, false, false, false, {}},
    {"bert", VocabularyKind::kWordPiece, true, true, false, {101, -1, -1, -1, 100, 102, 0, 103}},
};

struct SpecialKey {
  keys::Key key;
  int32_t SpecialTokens::*id;
};
constexpr SpecialKey kSpecialKeys[] = {
    {keys::kTokenizerBosTokenId, &SpecialTokens::bos},
    {keys::kTokenizerEosTokenId, &SpecialTokens::eos},
    {keys::kTokenizerEotTokenId, &SpecialTokens::eot},
    {keys::kTokenizerEomTokenId, &SpecialTokens::eom},
    {keys::kTokenizerUnknownTokenId, &SpecialTokens::unknown},
    {keys::kTokenizerSeparatorTokenId, &SpecialTokens::separator},
    {keys::kTokenizerPaddingTokenId, &SpecialTokens::padding},
    {keys::kTokenizerMaskTokenId, &SpecialTokens::mask},
};

// Texts that end what a model says, whatever the file calls them. `role`: what the token becomes
// when no key names one.
struct EndText {
  absl::string_view text;
  int32_t SpecialTokens::*role;
};
constexpr EndText kEndTexts[] = {
    {"<|eot_id|>", &SpecialTokens::eot},
    {"<|im_end|>", &SpecialTokens::eot},
    {"<|end|>", &SpecialTokens::eot},
    {"<end_of_turn>", &SpecialTokens::eot},
    {"<|endoftext|>", &SpecialTokens::eot},
    {"<|end_of_text|>", nullptr},
    {"<EOT>", &SpecialTokens::eot},
    {"<\xEF\xBD\x9C"
     "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
     nullptr},
    {"<|return|>", nullptr},
    {"<|call|>", nullptr},
    {"<|eom_id|>", &SpecialTokens::eom},
    {"<eos>", nullptr},
    {"</s>", nullptr},
};

const Model* FindModel(absl::string_view name) {
  for (const Model& model : kModels) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

const Model& ModelOf(VocabularyKind kind) {
  for (const Model& model : kModels) {
    if (model.kind == kind) return model;
  }
  return kModels[0];
}

// The numbers of array `key`, `count` of them, in type T; empty when the key is absent.
template <typename T>
absl::StatusOr<std::vector<T>> GetNumbers(const Metadata& metadata, keys::Key key, size_t count) {
  std::vector<T> numbers;
  const Value* value = metadata.Find(key);
  if (value == nullptr) return numbers;
  const Array* array = std::get_if<Array>(&value->data);
  bool is_number = false;
  if (array != nullptr) {
    std::visit(
        [&](const auto& elements) {
          using Elements = std::decay_t<decltype(elements)>;
          if constexpr (!std::is_same_v<Elements, Bools> &&
                        !std::is_same_v<Elements, std::monostate> &&
                        !std::is_same_v<Elements, std::vector<std::string>>) {
            is_number = std::is_floating_point_v<typename Elements::value_type> ==
                        std::is_floating_point_v<T>;
            if (is_number && elements.size() == count) {
              numbers.assign(elements.begin(), elements.end());
            }
          }
        },
        array->elements);
  }
  if (!is_number) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, ": is ", array == nullptr ? "" : "an array of ",
        NameOf(array == nullptr ? value->type() : array->element_type()), ", expected an array of ",
        std::is_floating_point_v<T> ? "float32" : "int32", "; convert the model again."));
  }
  if (array->size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": has ", array->size(), " elements, expected one for each of the ",
                     count, " tokens in ", keys::kTokenizerTokens, "; convert the model again."));
  }
  return numbers;
}

// Sets *flag when the key is there.
absl::Status ReadFlag(const Metadata& metadata, keys::Key key, bool* flag) {
  if (!metadata.Has(key)) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(*flag, metadata.GetBool(key));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Vocabulary> Vocabulary::Load(const Metadata& metadata) {
  if (!metadata.Has(keys::kTokenizerModel) || !metadata.Has(keys::kTokenizerTokens)) {
    return absl::NotFoundError(absl::StrCat(
        "there is no tokenizer: ",
        metadata.Has(keys::kTokenizerModel) ? keys::kTokenizerTokens : keys::kTokenizerModel,
        " is absent; convert the model together with its tokenizer files."));
  }
  Vocabulary vocabulary;
  GGUF_ASSIGN_OR_RETURN(const absl::string_view name, metadata.GetString(keys::kTokenizerModel));
  const Model* model = FindModel(name);
  if (model == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat(keys::kTokenizerModel, ": is \"", EscapeText(name, kShownBytes),
                     "\", a tokenizer that is not known here; known are llama, gpt2 and bert."));
  }
  vocabulary.kind_ = model->kind;
  GGUF_ASSIGN_OR_RETURN(vocabulary.pre_, metadata.GetStringOr(keys::kTokenizerPre, "default"));
  GGUF_RETURN_IF_ERROR(vocabulary.LoadTokens(metadata));
  GGUF_RETURN_IF_ERROR(vocabulary.IndexTexts());
  GGUF_RETURN_IF_ERROR(vocabulary.LoadSpecialTokens(metadata));
  vocabulary.FindEndTokens();
  vocabulary.FindTokensThatStrip(metadata);
  GGUF_RETURN_IF_ERROR(vocabulary.LoadFlags(metadata));
  return vocabulary;
}

absl::Status Vocabulary::LoadTokens(const Metadata& metadata) {
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string>* texts,
                        metadata.GetStrings(keys::kTokenizerTokens));
  if (texts->empty() || texts->size() > kMaxVocabulary) {
    return absl::InvalidArgumentError(absl::StrCat(keys::kTokenizerTokens, ": has ", texts->size(),
                                                   " tokens, expected 1 to ", kMaxVocabulary,
                                                   "; convert the model again."));
  }
  texts_ = std::make_unique<const std::vector<std::string>>(*texts);

  GGUF_ASSIGN_OR_RETURN(scores_,
                        GetNumbers<float>(metadata, keys::kTokenizerScores, texts->size()));
  if (scores_.empty()) {
    scores_.assign(texts->size(), 0.0f);
    if (kind_ == VocabularyKind::kSentencePiece) {
      warnings_.push_back(absl::StrCat(keys::kTokenizerScores,
                                       ": is absent, so that merges are made from left to right."));
    }
  }
  for (size_t id = 0; id < scores_.size(); ++id) {
    if (!std::isfinite(scores_[id])) {
      return absl::InvalidArgumentError(
          absl::StrCat(keys::kTokenizerScores, ": token ", id, " has the score ", scores_[id],
                       ", expected a finite number; convert the model again."));
    }
  }

  GGUF_ASSIGN_OR_RETURN(const std::vector<int32_t> types,
                        GetNumbers<int32_t>(metadata, keys::kTokenizerTokenType, texts->size()));
  types_.assign(texts->size(), TokenType::kNormal);
  size_t num_unknown_types = 0;
  for (size_t id = 0; id < types.size(); ++id) {
    if (types[id] >= static_cast<int32_t>(TokenType::kNormal) &&
        types[id] <= static_cast<int32_t>(TokenType::kByte)) {
      types_[id] = static_cast<TokenType>(types[id]);
    } else {
      ++num_unknown_types;
    }
  }
  if (num_unknown_types > 0) {
    warnings_.push_back(absl::StrCat(keys::kTokenizerTokenType, ": ", num_unknown_types,
                                     " tokens have a type that is not 1 to 6 and count as 1."));
  }
  return absl::OkStatus();
}

absl::Status Vocabulary::IndexTexts() {
  ids_.reserve(texts_->size());
  size_t num_empty = 0, num_long = 0;
  for (int32_t id = 0; id < size(); ++id) {
    if (text(id).empty()) {
      ++num_empty;
      continue;
    }
    if (IsSpecial(id) && text(id).size() > kMaxSpecialTokenBytes) ++num_long;
    const auto [first, is_new] = ids_.emplace(text(id), id);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(keys::kTokenizerTokens, ": tokens ", first->second, " and ", id,
                       " have the same text \"", EscapeText(text(id), kShownBytes),
                       "\", expected all to be distinct; convert the model again."));
    }
  }
  if (num_empty > 0) {
    warnings_.push_back(absl::StrCat(keys::kTokenizerTokens, ": ", num_empty,
                                     " tokens have no text and never occur in one."));
  }
  if (num_long > 0) {
    warnings_.push_back(absl::StrCat(keys::kTokenizerTokens, ": ", num_long,
                                     " special tokens have more than ", kMaxSpecialTokenBytes,
                                     " bytes and are not looked for in texts."));
  }
  return absl::OkStatus();
}

int32_t Vocabulary::Find(absl::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? kNoToken : found->second;
}

absl::Status Vocabulary::LoadSpecialTokens(const Metadata& metadata) {
  const SpecialTokens& defaults = ModelOf(kind_).special;
  for (const SpecialKey& special : kSpecialKeys) {
    const int32_t fallback = Has(defaults.*special.id) ? defaults.*special.id : kNoToken;
    special_.*special.id = fallback;
    if (!metadata.Has(special.key)) continue;
    GGUF_ASSIGN_OR_RETURN(const uint64_t id, metadata.GetUint(special.key));
    if (id < static_cast<uint64_t>(size())) {
      special_.*special.id = static_cast<int32_t>(id);
    } else {
      warnings_.push_back(absl::StrCat(special.key, ": is ", id, ", but there are only ", size(),
                                       " tokens; the key is ignored."));
    }
  }
  return absl::OkStatus();
}

void Vocabulary::FindEndTokens() {
  for (const EndText& end : kEndTexts) {
    const int32_t id = Find(end.text);
    if (id == kNoToken) continue;
    if (!IsSpecial(id)) {
      if (!LooksSpecial(end.text)) continue;  // "</s>" may be just a piece of HTML
      types_[id] = TokenType::kControl;
      warnings_.push_back(
          absl::StrCat(keys::kTokenizerTokenType, ": token ", id, " \"", end.text,
                       "\" counts as a control token (3), whatever its type says."));
    }
    end_of_generation_.insert(id);
    if (end.role != nullptr && special_.*end.role == kNoToken && id != special_.eos) {
      special_.*end.role = id;
    }
  }
  // The Harmony format ends every message with <|end|> and goes on with the next one.
  const int32_t end = Find("<|end|>");
  if (Find("<|return|>") != kNoToken && Find("<|call|>") != kNoToken && end != kNoToken) {
    end_of_generation_.erase(end);
    if (special_.eot == end) special_.eot = kNoToken;
  }
  for (const int32_t id : {special_.eos, special_.eot, special_.eom}) {
    if (id != kNoToken) end_of_generation_.insert(id);
  }
}

// A GGUF has no key for it, but the markers of Phi-3's conversations take the line break with them.
void Vocabulary::FindTokensThatStrip(const Metadata& metadata) {
  const auto lower = [&](keys::Key key) {
    const absl::StatusOr<std::string> text = metadata.GetStringOr(key, "");
    return text.ok() ? absl::AsciiStrToLower(*text) : std::string();
  };
  const std::string name = lower(keys::kGeneralName);
  if (kind_ != VocabularyKind::kSentencePiece ||
      (lower(keys::kGeneralArchitecture) != "phi3" && !absl::StrContains(name, "phi-3") &&
       !absl::StrContains(name, "phi3"))) {
    return;
  }
  for (int32_t id = 0; id < size(); ++id) {
    if (IsMarker(id)) strips_right_.insert(id);
  }
  for (const char* text : {"<unk>", "<s>", "<|endoftext|>"}) strips_right_.erase(Find(text));
}

absl::Status Vocabulary::LoadFlags(const Metadata& metadata) {
  const Model& model = ModelOf(kind_);
  add_bos_ = model.add_bos;
  add_eos_ = model.add_eos;
  add_space_prefix_ = model.add_space_prefix;
  if (kind_ == VocabularyKind::kByteLevel) {
    const PreTokenizerInfo* pre = FindPreTokenizer(pre_);
    if (pre == nullptr) {
      return absl::UnimplementedError(absl::StrCat(
          keys::kTokenizerPre, ": is \"", EscapeText(pre_, kShownBytes),
          "\", a pre-tokenizer that is not known here; known are ", PreTokenizerNames(), "."));
    }
    if (!metadata.Has(keys::kTokenizerPre)) {
      warnings_.push_back(
          absl::StrCat(keys::kTokenizerPre,
                       ": is absent; the text is cut by the rules of \"default\", which "
                       "may differ from the model's own."));
    }
    add_bos_ = pre->add_bos;
  }
  GGUF_RETURN_IF_ERROR(ReadFlag(metadata, keys::kTokenizerAddBosToken, &add_bos_));
  GGUF_RETURN_IF_ERROR(ReadFlag(metadata, keys::kTokenizerAddEosToken, &add_eos_));
  if (kind_ == VocabularyKind::kSentencePiece) {
    GGUF_RETURN_IF_ERROR(ReadFlag(metadata, keys::kTokenizerAddSpacePrefix, &add_space_prefix_));
  }
  if (kind_ == VocabularyKind::kWordPiece) {
    // Files older than the keys are of uncased models.
    lowercase_ = true;
    GGUF_RETURN_IF_ERROR(ReadFlag(metadata, keys::kTokenizerNormalizerLowercase, &lowercase_));
    strip_accents_ = lowercase_;
    GGUF_RETURN_IF_ERROR(
        ReadFlag(metadata, keys::kTokenizerNormalizerStripAccents, &strip_accents_));
    if (special_.eos == kNoToken) special_.eos = special_.separator;
  }
  const bool lacks_bos = add_bos_ && special_.bos == kNoToken;
  const bool lacks_eos = add_eos_ && special_.eos == kNoToken;
  if ((lacks_bos && metadata.Has(keys::kTokenizerAddBosToken)) || lacks_eos) {
    warnings_.push_back(
        absl::StrCat(lacks_bos ? keys::kTokenizerAddBosToken : keys::kTokenizerAddEosToken,
                     ": is true, but the file does not say which token that is; none is added."));
  }
  add_bos_ = add_bos_ && !lacks_bos;
  add_eos_ = add_eos_ && !lacks_eos;
  return absl::OkStatus();
}

}  // namespace gguf
