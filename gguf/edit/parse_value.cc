#include "gguf/edit/parse_value.h"

#include <limits>
#include <type_traits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/limits.h"

namespace gguf {
namespace {

template <typename T>
bool ParseOne(absl::string_view text, T* value) {
  if constexpr (std::is_same_v<T, bool>) {
    *value = text == "true";
    return text == "true" || text == "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    *value = std::string(text);
    return IsUtf8(text);
  } else if constexpr (std::is_same_v<T, float>) {
    return absl::SimpleAtof(text, value);
  } else if constexpr (std::is_same_v<T, double>) {
    return absl::SimpleAtod(text, value);
  } else {
    using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    Wide wide;
    if (!absl::SimpleAtoi(text, &wide)) return false;
    *value = static_cast<T>(wide);
    return wide >= Wide{std::numeric_limits<T>::lowest()} &&
           wide <= Wide{std::numeric_limits<T>::max()};
  }
}

// Elements between commas; a backslash keeps the next character from separating.
std::vector<std::string> SplitElements(absl::string_view text) {
  std::vector<std::string> elements;
  if (text.empty()) return elements;
  elements.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      elements.back().push_back(text[++i]);
    } else if (text[i] == ',') {
      elements.emplace_back();
    } else {
      elements.back().push_back(text[i]);
    }
  }
  return elements;
}

template <typename T>
bool ParseScalar(absl::string_view text, Value* value) {
  T one;
  if (!ParseOne(text, &one)) return false;
  *value = Value(std::move(one));
  return true;
}

template <typename T>
bool ParseArray(absl::string_view text, Value* value) {
  std::vector<T> elements;
  for (const std::string& element : SplitElements(text)) {
    T one;
    if (!ParseOne(element, &one)) return false;
    elements.push_back(std::move(one));
  }
  if constexpr (std::is_same_v<T, bool>) {
    *value = Value(Array{Bools{std::vector<uint8_t>(elements.begin(), elements.end())}});
  } else {
    *value = Value(std::move(elements));
  }
  return true;
}

struct TypeName {
  absl::string_view name;
  bool (*parse)(absl::string_view, Value*);
  bool (*parse_array)(absl::string_view, Value*);
};

template <typename T>
constexpr TypeName Named(absl::string_view name) {
  return {name, ParseScalar<T>, ParseArray<T>};
}

constexpr TypeName kTypes[] = {
    Named<uint8_t>("uint8"),   Named<int8_t>("int8"),     Named<uint16_t>("uint16"),
    Named<int16_t>("int16"),   Named<uint32_t>("uint32"), Named<int32_t>("int32"),
    Named<uint64_t>("uint64"), Named<int64_t>("int64"),   Named<float>("float32"),
    Named<double>("float64"),  Named<bool>("bool"),       Named<std::string>("string"),
    Named<uint8_t>("u8"),      Named<int8_t>("i8"),       Named<uint16_t>("u16"),
    Named<int16_t>("i16"),     Named<uint32_t>("u32"),    Named<int32_t>("i32"),
    Named<uint64_t>("u64"),    Named<int64_t>("i64"),     Named<float>("f32"),
    Named<double>("f64"),      Named<std::string>("str"), Named<int32_t>("int"),
    Named<float>("float"),
};

absl::Status Malformed(absl::string_view key, absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat("key '", EscapeText(key, 100), "': ", found));
}

}  // namespace

absl::StatusOr<std::pair<std::string, Value>> ParseKeyValue(absl::string_view text) {
  const size_t equals = text.find('=');
  const size_t colon = equals == text.npos ? text.npos : text.find(':', equals);
  if (equals == 0 || colon == text.npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", EscapeText(text, 100), "' is no KEY=TYPE:VALUE, such as general.name=string:Tiny"));
  }
  const absl::string_view key = text.substr(0, equals);
  const absl::string_view digits = text.substr(colon + 1);
  const std::string lower = absl::AsciiStrToLower(text.substr(equals + 1, colon - equals - 1));
  absl::string_view type = lower;
  const bool is_array = absl::ConsumeSuffix(&type, "[]");
  if (!IsUtf8(key) || key.size() > kMaxKeyBytes) {
    return Malformed(key, "the name is not UTF-8 or longer than 65535 bytes");
  }
  for (const TypeName& candidate : kTypes) {
    if (candidate.name != type) continue;
    Value value;
    if (!(is_array ? candidate.parse_array : candidate.parse)(digits, &value)) {
      return Malformed(key, absl::StrCat("'", EscapeText(digits, 100), "' is no ", lower));
    }
    return std::make_pair(std::string(key), std::move(value));
  }
  return Malformed(key, absl::StrCat("type '", EscapeText(lower, 100),
                                     "' is unknown, expected uint8 to int64, float32, float64, "
                                     "bool or string, with [] for an array"));
}

}  // namespace gguf
