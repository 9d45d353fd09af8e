#include "formats/model_id.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "re2/re2.h"

namespace gguf {
namespace {

struct Word {
  absl::string_view text;
  bool is_version = false;
  bool is_size = false;   // "7B", "mini"
  bool is_other = false;  // a tensor type, "instruct"
  bool is_base = false;   // part of the base name

  bool is_known() const { return is_version || is_size || is_other; }
};

constexpr char kVersion[] = R"((?i)(v|iter)?\d+([.]\d+)*)";
constexpr char kType[] = R"((?i)i?q\d(_\w)*|b?fp?(16|32))";
constexpr char kSize[] = R"((?i)(A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)";
constexpr char kFinetune[] = "(?i)chat|instruct|vision|lora";

bool IsLike(absl::string_view text, const RE2& pattern) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

std::vector<Word> Words(absl::string_view name) {
  static const RE2* const version = new RE2(kVersion);
  static const RE2* const type = new RE2(kType);
  static const RE2* const size = new RE2(kSize);
  static const RE2* const finetune = new RE2(kFinetune);
  std::vector<Word> words;
  for (const absl::string_view text : absl::StrSplit(name, '-', absl::SkipEmpty())) {
    Word word{text};
    word.is_version = IsLike(text, *version);
    if (!words.empty() && !word.is_version && !IsLike(text, *type)) {
      word.is_size = IsLike(text, *size);
      word.is_other = IsLike(text, *finetune);
    } else {
      word.is_other = !word.is_version && IsLike(text, *type);
    }
    words.push_back(word);
  }
  return words;
}

// "mini" is a size only where no number is.
void PreferNumbers(std::vector<Word>* words) {
  const auto has_digit = [](const Word& word) {
    return std::any_of(word.text.begin(), word.text.end(), absl::ascii_isdigit);
  };
  const bool has_number = std::any_of(words->begin(), words->end(), [&](const Word& word) {
    return word.is_size && has_digit(word);
  });
  for (Word& word : *words) word.is_size = word.is_size && (!has_number || has_digit(word));
}

// The words and versions that the name begins with, less the versions that end all of it.
void MarkBaseName(std::vector<Word>* words) {
  for (Word& word : *words) {
    const char first = word.text.front();
    const bool is_word = absl::ascii_isalpha(first) || !absl::ascii_isascii(first);
    if (!word.is_version && (word.is_known() || !is_word)) break;
    word.is_base = true;
  }
  for (auto word = words->rbegin(); word != words->rend(); ++word) {
    if (!word->is_base || !word->is_version) break;
    word->is_base = false;
  }
}

}  // namespace

std::string VersionInName(absl::string_view name) {
  if (absl::StrContains(name, ' ')) return "";
  std::vector<Word> words = Words(name);
  PreferNumbers(&words);
  MarkBaseName(&words);
  std::vector<absl::string_view> versions;
  for (const Word& word : words) {
    if (word.is_version && !word.is_base) versions.push_back(word.text);
  }
  return absl::StrJoin(versions, "-");
}

}  // namespace gguf
