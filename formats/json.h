// JSON as a tree of plain values, for the files a checkpoint has beside its tensors.
//
// Stricter than the standard where leniency would hide a mistake: an object's keys must be
// distinct. Hostile input costs at most kMaxJsonValues values of at most 128 bytes, besides their
// text.

#ifndef GGUF_TOOLCHAIN_FORMATS_JSON_H_
#define GGUF_TOOLCHAIN_FORMATS_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace gguf {

inline constexpr size_t kMaxJsonDepth = 64;
inline constexpr size_t kMaxJsonValues = size_t{1} << 23;  // the largest tokenizer.json has 2^21

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  // in file order, keys distinct
  // Whole numbers that fit are uint64_t, negative ones int64_t, everything else double.
  using Data =
      std::variant<std::nullptr_t, bool, uint64_t, int64_t, double, std::string, Array, Object>;

  Json() : data_(nullptr) {}
  explicit Json(Data data) : data_(std::move(data)) {}
  explicit Json(uint64_t value) : data_(value) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }

  // The value when it is of the kind asked for, else null.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }
  Array* array() { return std::get_if<Array>(&data_); }
  Object* object() { return std::get_if<Object>(&data_); }

  // A whole number >= 0 written without fraction or exponent.
  absl::optional<uint64_t> whole_number() const;
  // Any number, rounded to double.
  absl::optional<double> number() const;

  // Member `key` of an object; null when absent or when this is no object.
  const Json* Find(absl::string_view key) const;
  Json* FindMutable(absl::string_view key) { return const_cast<Json*>(Find(key)); }
  // As above, also null when the member is of another kind.
  const std::string* FindString(absl::string_view key) const;
  const Object* FindObject(absl::string_view key) const;
  const Array* FindArray(absl::string_view key) const;
  // False when absent or no boolean.
  bool FindTrue(absl::string_view key) const;

  // For messages: "null", "true", "12", "-0.5", "the text \"abc\"", "a list", "an object".
  std::string Describe() const;

 private:
  Data data_;
};

// InvalidArgument, naming the file, the byte and the rule: not JSON, not UTF-8, a key twice in one
// object, nesting beyond kMaxJsonDepth, more than kMaxJsonValues values.
absl::StatusOr<Json> ParseJson(absl::string_view file_name, absl::string_view text);

// As ParseJson, and the outermost value must be an object.
absl::StatusOr<Json> ParseJsonObject(absl::string_view file_name, absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_JSON_H_
