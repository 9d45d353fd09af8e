#include "formats/token_list.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kSpecialTexts[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};

struct Brackets {
  absl::string_view open;
  absl::string_view close;
};
constexpr Brackets kSpecialBrackets[] = {
    {"<|", "|>"},
    {"<\xEF\xBD\x9C", "\xEF\xBD\x9C>"},  // U+FF5C, the full-width bar
    {"<unused", ">"},
};

}  // namespace

bool LooksSpecial(absl::string_view text) {
  for (const absl::string_view special : kSpecialTexts) {
    if (text == special) return true;
  }
  for (const Brackets& brackets : kSpecialBrackets) {
    if (text.size() >= brackets.open.size() + brackets.close.size() &&
        absl::StartsWith(text, brackets.open) && absl::EndsWith(text, brackets.close)) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<TokenList> TokenList::Create(uint64_t vocab_size) {
  if (vocab_size > kMaxVocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat("a vocabulary of ", vocab_size, " tokens was asked for, and at most ",
                     kMaxVocabulary, " are supported; correct vocab_size in config.json."));
  }
  TokenList list;
  list.texts.resize(vocab_size);
  list.scores.assign(vocab_size, kPaddingScore);
  list.types.assign(vocab_size, static_cast<int32_t>(TokenType::kUnused));
  return list;
}

void TokenList::Set(uint64_t id, absl::string_view text, float score, TokenType type) {
  texts[id] = std::string(text);
  scores[id] = score;
  types[id] = static_cast<int32_t>(type);
}

void TokenList::SetAdded(uint64_t id, absl::string_view text, bool special) {
  if (special || LooksSpecial(text)) {
    Set(id, text, kAddedTokenScore, TokenType::kControl);
  } else {
    const std::string spaced = absl::StrReplaceAll(text, {{"\xE2\x96\x81", " "}});
    Set(id, spaced, kAddedTokenScore, TokenType::kUserDefined);
  }
}

absl::Status TokenList::Finish() {
  absl::flat_hash_map<absl::string_view, size_t> ids;
  ids.reserve(texts.size());
  for (size_t id = 0; id < texts.size(); ++id) {
    if (texts[id].empty()) continue;
    const auto [first, is_new] = ids.emplace(texts[id], id);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tokens ", first->second, " and ", id, " have the same text \"",
          EscapeText(texts[id], 80), "\"; the tokenizer's files do not belong together."));
    }
  }
  for (size_t id = 0; id < texts.size(); ++id) {
    if (!texts[id].empty()) continue;
    std::string padding = absl::StrCat("[PAD", id, "]");
    while (ids.contains(padding)) padding.push_back('_');
    texts[id] = std::move(padding);
  }
  return absl::OkStatus();
}

}  // namespace gguf
