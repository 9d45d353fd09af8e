// Typed key-value metadata of a GGUF file, in file order.

#ifndef GGUF_TOOLCHAIN_GGUF_METADATA_H_
#define GGUF_TOOLCHAIN_GGUF_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Ids as stored in files.
enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// "uint32", "string", "array", ...
absl::string_view NameOf(ValueType type);

// Bools of an array, one byte each, so that elements have addresses (std::vector<bool> has none).
struct Bools {
  std::vector<uint8_t> values;  // 0 or 1
  friend bool operator==(const Bools& a, const Bools& b) { return a.values == b.values; }
};

// An array of one element type. The alternative's index is the element's ValueType; alternative 9
// (arrays of arrays) does not occur.
struct Array {
  std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>,
               std::vector<int16_t>, std::vector<uint32_t>, std::vector<int32_t>,
               std::vector<float>, Bools, std::vector<std::string>, std::monostate,
               std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>
      elements;

  ValueType element_type() const { return static_cast<ValueType>(elements.index()); }
  size_t size() const;
  friend bool operator==(const Array& a, const Array& b) { return a.elements == b.elements; }
};

// One value. The alternative's index is its ValueType.
struct Value {
  std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool, std::string,
               Array, uint64_t, int64_t, double>
      data;

  Value() = default;
  // Takes exactly the types above (Value(uint32_t{7}), Value(true), Value("text")).
  template <typename T>
  explicit Value(T value) : data(std::in_place_type<T>, std::move(value)) {}
  explicit Value(const char* text) : data(std::in_place_type<std::string>, text) {}
  explicit Value(absl::string_view text) : data(std::in_place_type<std::string>, text) {}
  template <typename T>
  explicit Value(std::vector<T> elements) : data(Array{std::move(elements)}) {}

  ValueType type() const { return static_cast<ValueType>(data.index()); }
  bool is_integer() const;

  // For people: strings quoted and escaped (no raw control bytes), arrays abbreviated after
  // `max_elements`.
  std::string ToString(size_t max_elements = 8) const;

  // Values are equal when type and bits are (NaN equals the same NaN, 0.0 differs from -0.0).
  friend bool operator==(const Value& a, const Value& b);
  friend bool operator!=(const Value& a, const Value& b) { return !(a == b); }
};

// Keys and values in file order; a key occurs once.
class Metadata {
 public:
  using Entry = std::pair<std::string, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }

  // Null when absent.
  const Value* Find(absl::string_view key) const;
  bool Has(absl::string_view key) const { return Find(key) != nullptr; }

  // Replaces in place, or appends.
  void Set(absl::string_view key, Value value);
  template <typename T>
  void Set(absl::string_view key, T value) {
    Set(key, Value(std::move(value)));
  }
  // False when absent.
  bool Remove(absl::string_view key);

  // Typed access. NotFound names the key; InvalidArgument names key, type found and expected.
  // Integers of any width and sign are accepted where they fit; floats accept both widths.
  absl::StatusOr<uint64_t> GetUint(absl::string_view key, uint64_t max = ~uint64_t{0}) const;
  absl::StatusOr<int64_t> GetInt(absl::string_view key) const;
  absl::StatusOr<double> GetFloat(absl::string_view key) const;
  absl::StatusOr<bool> GetBool(absl::string_view key) const;
  absl::StatusOr<absl::string_view> GetString(absl::string_view key) const;
  absl::StatusOr<const std::vector<std::string>*> GetStrings(absl::string_view key) const;

  // As above, with a value for an absent key (a wrong type is still an error).
  absl::StatusOr<uint64_t> GetUintOr(absl::string_view key, uint64_t fallback) const;
  absl::StatusOr<std::string> GetStringOr(absl::string_view key, absl::string_view fallback) const;

 private:
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string, size_t> index_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_METADATA_H_
