// From text to recipes and tensor type rules.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "quantize/name_pattern.h"
#include "quantize/recipe.h"

namespace gguf {
namespace {

struct Alias {
  absl::string_view name;
  absl::string_view recipe;
};
constexpr Alias kAliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

}  // namespace

absl::StatusOr<TensorType> ParseWeightType(absl::string_view name) {
  const absl::StatusOr<TensorType> type = ParseTensorType(name);
  if (type.ok() && InfoOf(*type).is_weight) return *type;
  std::vector<absl::string_view> names;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (info.is_weight) names.push_back(info.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      type.ok() ? "nothing can be quantized to tensor type '" : "unknown tensor type '",
      absl::CHexEscape(name), "'; known are ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<const Recipe*> ParseRecipe(absl::string_view name) {
  absl::string_view wanted = name;
  for (const Alias& alias : kAliases) {
    if (absl::EqualsIgnoreCase(alias.name, name)) wanted = alias.recipe;
  }
  uint32_t number = 0;
  const bool is_number =
      !name.empty() && absl::ascii_isdigit(name[0]) && absl::SimpleAtoi(name, &number);
  for (const Recipe& recipe : AllRecipes()) {
    if (is_number ? recipe.file_type == number : absl::EqualsIgnoreCase(recipe.name, wanted)) {
      return &recipe;
    }
  }
  const auto append_name = [](std::string* out, const Recipe& recipe) {
    absl::StrAppend(out, recipe.name);
  };
  return absl::InvalidArgumentError(
      absl::StrCat("unknown quantization type '", absl::CHexEscape(name), "'; known are ",
                   absl::StrJoin(AllRecipes(), ", ", append_name), " and COPY"));
}

absl::StatusOr<TensorTypeRule> ParseTensorTypeRule(absl::string_view text) {
  const size_t split = text.rfind('=');
  if (split == absl::string_view::npos || split == 0) {
    return absl::InvalidArgumentError(absl::StrCat("tensor type rule '", absl::CHexEscape(text),
                                                   "' is not of the form PATTERN=TYPE"));
  }
  const absl::StatusOr<TensorType> type = ParseWeightType(text.substr(split + 1));
  if (!type.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor type rule '", absl::CHexEscape(text), "': ", type.status().message()));
  }
  std::string pattern(text.substr(0, split));
  const absl::StatusOr<NamePattern> compiled = NamePattern::Create(absl::AsciiStrToLower(pattern));
  if (!compiled.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor type rule '", absl::CHexEscape(text),
                     "': the pattern is not a regular expression: ", compiled.status().message()));
  }
  return TensorTypeRule(std::move(pattern), *type);
}

absl::StatusOr<std::vector<TensorTypeRule>> ParseTensorTypeRules(absl::string_view text,
                                                                 absl::string_view file) {
  std::vector<TensorTypeRule> rules;
  for (absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \t\r\n\v\f"), absl::SkipEmpty())) {
    absl::StatusOr<TensorTypeRule> rule = ParseTensorTypeRule(word);
    if (!rule.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": entry ", rules.size() + 1, ": ", rule.status().message()));
    }
    rules.push_back(*std::move(rule));
  }
  if (rules.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": holds no entry; expected PATTERN=TYPE, separated by white space"));
  }
  return rules;
}

}  // namespace gguf
