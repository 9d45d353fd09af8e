#include "quantize/override.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace gguf {
namespace {

constexpr size_t kMaxBytes = 127;  // of keys and strings, in the field's tool

absl::optional<Value> ParseInt(absl::string_view text) {
  int64_t number = 0;
  constexpr int64_t kMax = std::numeric_limits<uint32_t>::max();
  if (!absl::SimpleAtoi(text, &number) || number > kMax || number < -kMax) return absl::nullopt;
  return Value(static_cast<uint32_t>(number < 0 ? -number : number));
}

absl::optional<Value> ParseFloat(absl::string_view text) {
  float number = 0;
  if (!absl::SimpleAtof(text, &number) || !std::isfinite(number)) return absl::nullopt;
  return Value(number);
}

absl::optional<Value> ParseBool(absl::string_view text) {
  if (text == "true") return Value(true);
  if (text == "false") return Value(false);
  return absl::nullopt;
}

absl::optional<Value> ParseString(absl::string_view text) {
  if (text.size() > kMaxBytes) return absl::nullopt;
  return Value(text);
}

struct OverrideType {
  absl::string_view prefix;
  absl::optional<Value> (*parse)(absl::string_view text);
  absl::string_view expected;
};

constexpr OverrideType kTypes[] = {
    {"int:", ParseInt, "an integer of at most 32 bits"},
    {"float:", ParseFloat, "a finite number in the range of float32"},
    {"bool:", ParseBool, "true or false"},
    {"str:", ParseString, "at most 127 bytes"},
};

absl::Status Error(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("--override-kv '", absl::CHexEscape(text), "': ", what));
}

}  // namespace

absl::StatusOr<std::pair<std::string, Value>> ParseOverride(absl::string_view text) {
  const size_t split = text.find('=');
  if (split == absl::string_view::npos || split == 0) {
    return Error(text, "expected KEY=TYPE:VALUE, as in general.name=str:text");
  }
  if (split > kMaxBytes) {
    return Error(text, absl::StrCat("the key has ", split, " bytes; at most 127 are allowed"));
  }
  const absl::string_view typed = text.substr(split + 1);
  for (const OverrideType& type : kTypes) {
    if (typed.substr(0, type.prefix.size()) != type.prefix) continue;
    absl::optional<Value> value = type.parse(typed.substr(type.prefix.size()));
    if (!value.has_value()) {
      return Error(text, absl::StrCat("expected ", type.expected, " after '", type.prefix, "'"));
    }
    return std::make_pair(std::string(text.substr(0, split)), *std::move(value));
  }
  return Error(text, "expected one of the types int, float, bool and str, then a colon");
}

}  // namespace gguf
