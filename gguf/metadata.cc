#include "gguf/metadata.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr absl::string_view kTypeNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                            "int32",  "float32", "bool",   "string", "array",
                                            "uint64", "int64",   "float64"};

template <typename T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// Equality of bits, which for floats is not that of numbers.
template <typename T>
bool SameBits(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
  } else {
    return a == b;
  }
}

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return SameBits(x, y); });
}

bool SameBits(const Array& a, const Array& b) {
  if (a.element_type() != b.element_type()) return false;
  return std::visit(
      [&](const auto& elements) {
        using T = std::decay_t<decltype(elements)>;
        return SameBits(elements, std::get<T>(b.elements));
      },
      a.elements);
}

// Shortest form that reads back as the same number.
template <typename T>
void AppendFloat(T value, std::string* out) {
  char text[32];
  out->append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

template <typename T>
void AppendScalar(const T& value, std::string* out) {
  if constexpr (std::is_same_v<T, std::string>) {
    absl::StrAppend(out, "\"", EscapeText(value), "\"");
  } else if constexpr (std::is_same_v<T, bool>) {
    out->append(value ? "true" : "false");
  } else if constexpr (std::is_floating_point_v<T>) {
    AppendFloat(value, out);
  } else {
    absl::StrAppend(out, +value);  // + keeps bytes from being printed as characters
  }
}

void AppendArray(const Array& array, size_t max_elements, std::string* out) {
  const auto append = [&](const auto& elements, auto convert) {
    const size_t shown = std::min(elements.size(), max_elements);
    out->append("[");
    for (size_t i = 0; i < shown; ++i) {
      if (i > 0) out->append(", ");
      AppendScalar(convert(elements[i]), out);
    }
    if (shown < elements.size()) {
      absl::StrAppend(out, shown > 0 ? ", " : "", "... ", elements.size(), " in all");
    }
    out->append("]");
  };
  std::visit(
      [&](const auto& elements) {
        using T = std::decay_t<decltype(elements)>;
        if constexpr (std::is_same_v<T, Bools>) {
          append(elements.values, [](uint8_t value) { return value != 0; });
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
          append(elements, [](const auto& value) { return value; });
        }
      },
      array.elements);
}

absl::Status WrongType(absl::string_view key, const Value& value, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("key '", EscapeText(key, 100), "' is of type ",
                                                 NameOf(value.type()), ", expected ", expected));
}

absl::Status NotFound(absl::string_view key) {
  return absl::NotFoundError(absl::StrCat("key '", EscapeText(key, 100), "' is missing"));
}

absl::Status WrongNumber(absl::string_view key, const Value& value, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("key '", EscapeText(key, 100), "' is ",
                                                 value.ToString(), ", expected ", expected));
}

}  // namespace

absl::string_view NameOf(ValueType type) {
  const size_t id = static_cast<size_t>(type);
  return id < std::size(kTypeNames) ? kTypeNames[id] : "unknown";
}

size_t Array::size() const {
  return std::visit(
      [](const auto& elements) -> size_t {
        using T = std::decay_t<decltype(elements)>;
        if constexpr (std::is_same_v<T, Bools>) {
          return elements.values.size();
        } else if constexpr (std::is_same_v<T, std::monostate>) {
          return 0;
        } else {
          return elements.size();
        }
      },
      elements);
}

bool Value::is_integer() const {
  return std::visit([](const auto& value) { return kIsInteger<std::decay_t<decltype(value)>>; },
                    data);
}

std::string Value::ToString(size_t max_elements) const {
  std::string out;
  std::visit(
      [&](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Array>) {
          AppendArray(value, max_elements, &out);
        } else {
          AppendScalar(value, &out);
        }
      },
      data);
  return out;
}

bool operator==(const Value& a, const Value& b) {
  if (a.type() != b.type()) return false;
  return std::visit(
      [&](const auto& value) {
        return SameBits(value, std::get<std::decay_t<decltype(value)>>(b.data));
      },
      a.data);
}

const Value* Metadata::Find(absl::string_view key) const {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

void Metadata::Set(absl::string_view key, Value value) {
  const auto [it, inserted] = index_.try_emplace(std::string(key), entries_.size());
  if (inserted) {
    entries_.emplace_back(std::string(key), std::move(value));
  } else {
    entries_[it->second].second = std::move(value);
  }
}

bool Metadata::Remove(absl::string_view key) {
  const auto it = index_.find(key);
  if (it == index_.end()) return false;
  const size_t position = it->second;
  index_.erase(it);
  entries_.erase(entries_.begin() + position);
  for (auto& [name, index] : index_) {
    if (index > position) --index;
  }
  return true;
}

absl::StatusOr<uint64_t> Metadata::GetUint(absl::string_view key, uint64_t max) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  if (!value->is_integer()) return WrongType(key, *value, "an integer");
  return std::visit(
      [&](const auto& number) -> absl::StatusOr<uint64_t> {
        if constexpr (kIsInteger<std::decay_t<decltype(number)>>) {
          if (number >= 0 && static_cast<uint64_t>(number) <= max) return number;
        }
        return WrongNumber(key, *value, absl::StrCat("0 to ", max));
      },
      value->data);
}

absl::StatusOr<int64_t> Metadata::GetInt(absl::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  if (!value->is_integer()) return WrongType(key, *value, "an integer");
  return std::visit(
      [&](const auto& number) -> absl::StatusOr<int64_t> {
        constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
        if constexpr (kIsInteger<std::decay_t<decltype(number)>>) {
          if (number <= 0 || static_cast<uint64_t>(number) <= static_cast<uint64_t>(kMax)) {
            return static_cast<int64_t>(number);
          }
        }
        return WrongNumber(key, *value, absl::StrCat("at most ", kMax));
      },
      value->data);
}

absl::StatusOr<double> Metadata::GetFloat(absl::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  if (const float* number = std::get_if<float>(&value->data)) return *number;
  if (const double* number = std::get_if<double>(&value->data)) return *number;
  return WrongType(key, *value, "float32 or float64");
}

absl::StatusOr<bool> Metadata::GetBool(absl::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  if (const bool* flag = std::get_if<bool>(&value->data)) return *flag;
  return WrongType(key, *value, "bool");
}

absl::StatusOr<absl::string_view> Metadata::GetString(absl::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  if (const std::string* text = std::get_if<std::string>(&value->data)) {
    return absl::string_view(*text);
  }
  return WrongType(key, *value, "string");
}

absl::StatusOr<const std::vector<std::string>*> Metadata::GetStrings(absl::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return NotFound(key);
  const Array* array = std::get_if<Array>(&value->data);
  if (array == nullptr) return WrongType(key, *value, "an array of strings");
  const auto* strings = std::get_if<std::vector<std::string>>(&array->elements);
  if (strings == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("key '", EscapeText(key, 100), "' is an array of ",
                     NameOf(array->element_type()), ", expected an array of strings"));
  }
  return strings;
}

absl::StatusOr<uint64_t> Metadata::GetUintOr(absl::string_view key, uint64_t fallback) const {
  if (!Has(key)) return fallback;
  return GetUint(key);
}

absl::StatusOr<std::string> Metadata::GetStringOr(absl::string_view key,
                                                  absl::string_view fallback) const {
  if (!Has(key)) return std::string(fallback);
  GGUF_ASSIGN_OR_RETURN(const absl::string_view text, GetString(key));
  return std::string(text);
}

}  // namespace gguf
