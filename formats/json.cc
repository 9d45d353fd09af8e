#include "formats/json.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/utf8.h"
#include "nlohmann/json.hpp"

namespace gguf {
namespace {

constexpr size_t kDescribedBytes = 60;

// Receives the parser's events and builds the tree. Returning false stops the parser; nothing is
// thrown.
class TreeBuilder {
 public:
  explicit TreeBuilder(absl::string_view file_name) : file_name_(file_name) {}

  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return Add(nullptr); }
  bool boolean(bool value) { return Add(value); }
  bool number_integer(number_integer_t value) { return Add(value); }
  bool number_unsigned(number_unsigned_t value) { return Add(value); }
  bool number_float(number_float_t value, const string_t&) { return Add(value); }
  bool string(string_t& value) { return Add(std::move(value)); }
  bool binary(binary_t&) { return Fail("holds binary data"); }

  bool start_object(size_t) { return Open(Json::Object()); }
  bool start_array(size_t) { return Open(Json::Array()); }
  bool end_array() { return Close(); }
  bool end_object() { return KeysAreDistinct() && Close(); }

  bool key(string_t& key) {
    open_.back()->object()->emplace_back().first = std::move(key);
    return true;
  }

  template <typename Exception>
  bool parse_error(size_t byte, const std::string&, const Exception&) {
    return Fail(absl::StrCat("is not valid JSON at byte ", byte));
  }

  const absl::Status& status() const { return status_; }
  Json& root() { return root_; }

 private:
  bool Fail(const std::string& what) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_name_, ": ", what, "; download or save the file again."));
    return false;
  }

  // Where the next value goes. Elements of an open array never move while it is open: its parent
  // does not grow until it is closed.
  Json* Slot() {
    if (open_.empty()) return &root_;
    Json* parent = open_.back();
    if (Json::Array* array = parent->array()) return &array->emplace_back();
    return &parent->object()->back().second;
  }

  bool Add(Json::Data value) {
    if (++num_values_ > kMaxJsonValues) {
      return Fail(absl::StrCat("holds more than ", kMaxJsonValues, " values"));
    }
    *Slot() = Json(std::move(value));
    return true;
  }

  bool Open(Json::Data value) {
    if (open_.size() == kMaxJsonDepth) {
      return Fail(absl::StrCat("is nested more than ", kMaxJsonDepth, " levels deep"));
    }
    if (++num_values_ > kMaxJsonValues) {
      return Fail(absl::StrCat("holds more than ", kMaxJsonValues, " values"));
    }
    Json* slot = Slot();
    *slot = Json(std::move(value));
    open_.push_back(slot);
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  bool KeysAreDistinct() {
    std::vector<absl::string_view> keys;
    for (const auto& member : *open_.back()->object()) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return true;
    return Fail(absl::StrCat("has the key \"", EscapeText(*twice, kDescribedBytes),
                             "\" twice in one object"));
  }

  absl::string_view file_name_;
  Json root_;
  std::vector<Json*> open_;
  size_t num_values_ = 0;
  absl::Status status_;
};

}  // namespace

absl::optional<uint64_t> Json::whole_number() const {
  if (const uint64_t* value = std::get_if<uint64_t>(&data_)) return *value;
  return absl::nullopt;
}

absl::optional<double> Json::number() const {
  if (const uint64_t* value = std::get_if<uint64_t>(&data_)) return static_cast<double>(*value);
  if (const int64_t* value = std::get_if<int64_t>(&data_)) return static_cast<double>(*value);
  if (const double* value = std::get_if<double>(&data_)) return *value;
  return absl::nullopt;
}

const Json* Json::Find(absl::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const auto& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const std::string* Json::FindString(absl::string_view key) const {
  const Json* member = Find(key);
  return member == nullptr ? nullptr : member->string();
}

const Json::Object* Json::FindObject(absl::string_view key) const {
  const Json* member = Find(key);
  return member == nullptr ? nullptr : member->object();
}

const Json::Array* Json::FindArray(absl::string_view key) const {
  const Json* member = Find(key);
  return member == nullptr ? nullptr : member->array();
}

bool Json::FindTrue(absl::string_view key) const {
  const Json* member = Find(key);
  return member != nullptr && member->boolean() != nullptr && *member->boolean();
}

std::string Json::Describe() const {
  struct Describer {
    std::string operator()(std::nullptr_t) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(uint64_t value) const { return absl::StrCat(value); }
    std::string operator()(int64_t value) const { return absl::StrCat(value); }
    std::string operator()(double value) const { return absl::StrCat(value); }
    std::string operator()(const std::string& value) const {
      return absl::StrCat("the text \"", EscapeText(value, kDescribedBytes), "\"");
    }
    std::string operator()(const Array&) const { return "a list"; }
    std::string operator()(const Object&) const { return "an object"; }
  };
  return std::visit(Describer(), data_);
}

absl::StatusOr<Json> ParseJson(absl::string_view file_name, absl::string_view text) {
  TreeBuilder builder(file_name);
  // The parser takes a NUL for the end of the text.
  const size_t nul = text.find('\0');
  if (nul != absl::string_view::npos) {
    builder.parse_error(nul + 1, "", nullptr);
    return builder.status();
  }
  const bool ok = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (!ok) return builder.status();
  return std::move(builder.root());
}

absl::StatusOr<Json> ParseJsonObject(absl::string_view file_name, absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson(file_name, text);
  if (json.ok() && json->object() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ": holds ", json->Describe(),
                                                   ", expected an object {...}; save it again."));
  }
  return json;
}

}  // namespace gguf
