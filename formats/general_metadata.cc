#include "formats/general_metadata.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "formats/convert_rules.h"
#include "formats/json.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

// Values of general.file_type (ggml.h, August 2026).
constexpr uint32_t kMostlyF16 = 1;
constexpr uint32_t kMostlyBF16 = 32;
constexpr uint32_t kMostlyMxfp4Moe = 38;

constexpr absl::string_view kComputedKeys[] = {
    keys::kGeneralArchitecture,
    keys::kGeneralType,
    keys::kGeneralFileType,
    keys::kGeneralQuantizationVersion,
};

// "1.0M": the first scale strictly below the number, two digits or more.
std::string Abbreviated(double number) {
  constexpr struct {
    double scale;
    char suffix;
  } kScales[] = {{1e12, 'T'}, {1e9, 'B'}, {1e6, 'M'}, {1e3, 'K'}};
  const auto* scale = std::begin(kScales);
  while (scale->suffix != 'K' && !(number > scale->scale)) ++scale;
  const double scaled = number / scale->scale;
  const bool has_one_digit = std::nearbyint(scaled) < 10;
  return absl::StrFormat("%.*f%c", has_one_digit ? 1 : 0, scaled, scale->suffix);
}

bool MayBeSet(absl::string_view key) {
  if (key == keys::kTokenizerChatTemplate) return true;
  if (!absl::StartsWith(key, "general.")) return false;
  return std::find(std::begin(kComputedKeys), std::end(kComputedKeys), key) ==
         std::end(kComputedKeys);
}

absl::StatusOr<Value> ValueOf(const Json& json) {
  if (json.string() != nullptr) return Value(*json.string());
  if (json.boolean() != nullptr) return Value(*json.boolean());
  if (json.whole_number().has_value()) {
    if (*json.whole_number() <= std::numeric_limits<uint32_t>::max()) {
      return Value(static_cast<uint32_t>(*json.whole_number()));
    }
  } else if (json.number().has_value() && std::isfinite(static_cast<float>(*json.number()))) {
    return Value(static_cast<float>(*json.number()));
  }
  if (json.array() != nullptr) {
    std::vector<std::string> texts;
    for (const Json& element : *json.array()) {
      if (element.string() == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat("a list with ", element.Describe()));
      }
      texts.push_back(*element.string());
    }
    return Value(std::move(texts));
  }
  return absl::InvalidArgumentError(json.Describe());
}

// Of lower case; neither "v" and a version number, nor beginning with a digit.
bool IsOrdinaryWord(absl::string_view word) {
  if (absl::ascii_isdigit(word[0]) || std::any_of(word.begin(), word.end(), absl::ascii_isupper))
    return false;
  if (word[0] != 'v' || word.size() == 1 || !absl::ascii_isdigit(word[1])) return true;
  return word.find_first_not_of("0123456789.", 1) != absl::string_view::npos;
}

}  // namespace

std::string ModelNameOf(absl::string_view folder_name, absl::string_view separators) {
  std::vector<std::string> words =
      absl::StrSplit(folder_name, absl::ByAnyChar(separators), absl::SkipEmpty());
  for (std::string& word : words) {
    if (!IsOrdinaryWord(word)) continue;
    for (size_t i = 0; i < word.size(); ++i) {
      if (i == 0 || !absl::ascii_isalpha(word[i - 1])) word[i] = absl::ascii_toupper(word[i]);
    }
  }
  return absl::StrJoin(words, " ");
}

std::string SizeLabel(absl::Span<const SourceTensor> tensors) {
  double shared = 0;
  double per_expert = 0;
  uint64_t experts = 0;
  for (const SourceTensor& tensor : tensors) {
    const double values = static_cast<double>(tensor.shape.num_values());
    if (absl::StrContains(tensor.name, "_exps.") && tensor.shape.rank() == 3) {
      experts = std::max(experts, tensor.shape.dims()[0]);
      per_expert += values / static_cast<double>(tensor.shape.dims()[0]);
    } else {
      shared += values;
    }
  }
  const std::string size = Abbreviated(shared + per_expert);
  return experts == 0 ? size : absl::StrCat(experts, "x", size);
}

uint32_t FileTypeOf(absl::Span<const SourceTensor> tensors) {
  for (const SourceTensor& tensor : tensors) {
    if (tensor.type == TensorType::kMXFP4) return kMostlyMxfp4Moe;
  }
  for (const SourceTensor& tensor : tensors) {
    if (ConvertsToF32(tensor.name, tensor.shape)) continue;
    return tensor.type == TensorType::kBF16 ? kMostlyBF16 : kMostlyF16;
  }
  return kMostlyF16;
}

absl::Status SetOverrides(absl::string_view file_name, absl::string_view text, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(file_name, text));
  for (const auto& [key, member] : *json.object()) {
    if (!MayBeSet(key)) {
      return absl::InvalidArgumentError(absl::StrCat(file_name, ": the key \"", EscapeText(key, 80),
                                                     "\" cannot be set; general.* may be, except ",
                                                     absl::StrJoin(kComputedKeys, ", "), ", and ",
                                                     keys::kTokenizerChatTemplate, "."));
    }
    const absl::StatusOr<Value> value = ValueOf(member);
    if (!value.ok() || (key == keys::kTokenizerChatTemplate && member.string() == nullptr)) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_name, ": ", EscapeText(key, 80), " is ",
          value.ok() ? member.Describe() : std::string(value.status().message()),
          ", expected a text, a number that fits 32 bits, true or false, or a list of texts (the "
          "template: a text)."));
    }
    metadata->Set(key, *value);
  }
  return absl::OkStatus();
}

}  // namespace gguf
