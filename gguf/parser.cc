#include "gguf/parser.h"

#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/alignment.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/head_cursor.h"
#include "gguf/keys.h"
#include "gguf/limits.h"
#include "gguf/placement.h"
#include "gguf/warnings.h"

namespace gguf {
namespace {

// One pass over the head. Errors are built without the file's name and with the place ("key 3",
// "tensor 'x'") that Where() describes; Parse adds the name.
class Parser {
 public:
  explicit Parser(const RandomAccessFile& file) : file_(file), cursor_(&file) {}

  absl::Status Parse(GgufHead* head);

 private:
  absl::Status ParseHeader();
  absl::Status ParseKeyValue();
  absl::Status ParseValue(uint32_t type, Value* value);
  absl::Status ParseBool(Value* value);
  absl::Status ParseArray(Value* value);
  absl::Status ParseStrings(uint64_t count, Array* array);
  absl::Status ParseBools(uint64_t count, Array* array);
  absl::Status ParseString(uint64_t max_bytes, absl::string_view what, std::string* text);
  absl::Status ParseTensor();
  absl::Status ParseShape(Shape* shape);
  void WarnOfMetadata();

  template <typename T>
  absl::Status ParseScalar(Value* value) {
    T number;
    GGUF_RETURN_IF_ERROR(Number(&number));
    *value = Value(number);
    return absl::OkStatus();
  }
  template <typename T>
  absl::Status ParseNumbers(uint64_t count, Array* array) {
    return Explain(cursor_.ReadNumbers(count, &array->elements.emplace<std::vector<T>>()));
  }
  template <typename T>
  absl::Status Number(T* value) {
    return Explain(cursor_.ReadNumber(value));
  }

  // "key 'a.b'", "key number 3", "tensor 'x'", "tensor number 3", "the header".
  std::string Where() const {
    if (where_ == nullptr) return "the header";
    return where_name_.empty() ? absl::StrCat(where_, " number ", where_index_)
                               : absl::StrCat(where_, " '", EscapeText(where_name_, 100), "'");
  }
  void Enter(const char* kind, uint64_t index) {
    where_ = kind;
    where_index_ = index;
    where_name_.clear();
  }

  template <typename... Parts>
  absl::Status Invalid(const Parts&... parts) const {
    return absl::InvalidArgumentError(absl::StrCat(Where(), " ", parts...));
  }
  // The cursor's "past the end" becomes a sentence about the place.
  absl::Status Explain(const absl::Status& status) const {
    if (status.code() != absl::StatusCode::kOutOfRange) return status;
    return absl::DataLossError(absl::StrCat(
        "the file ends at byte ", file_.size(), ", inside ", Where(), " (at byte ",
        cursor_.position(), "); it is truncated or damaged, download or convert it again"));
  }

  const RandomAccessFile& file_;
  HeadCursor cursor_;
  GgufHead* head_ = nullptr;
  uint64_t num_tensors_ = 0;
  uint64_t num_keys_ = 0;
  WarningList warnings_;
  absl::flat_hash_set<std::string> names_;

  const char* where_ = nullptr;
  uint64_t where_index_ = 0;
  std::string where_name_;
};

absl::Status Parser::ParseHeader() {
  uint8_t magic[4];
  if (file_.size() >= sizeof(magic)) {
    GGUF_RETURN_IF_ERROR(Explain(cursor_.ReadBytes(absl::MakeSpan(magic))));
    if (std::memcmp(magic, "GGUF", sizeof(magic)) != 0) {
      const absl::string_view found(reinterpret_cast<const char*>(magic), sizeof(magic));
      return absl::InvalidArgumentError(absl::StrCat("the file starts with \"", EscapeText(found),
                                                     "\", expected \"GGUF\"; it is no GGUF file"));
    }
  }
  if (file_.size() < kHeaderBytes) {
    return absl::DataLossError(absl::StrCat("the file has ", file_.size(),
                                            " bytes, expected a GGUF header of ", kHeaderBytes,
                                            "; it is truncated or no GGUF file"));
  }
  uint32_t version;
  GGUF_RETURN_IF_ERROR(Number(&version));
  if ((version & 0xFFFF) == 0 && version != 0) {  // no version has 16 low zero bits
    cursor_.set_swaps(true);
    head_->is_big_endian = true;
    version = __builtin_bswap32(version);
  }
  if (version < 2 || version > kFormatVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file is GGUF version ", version, ", expected 2 or 3",
                     version == 1 ? "; convert the original checkpoint again" : ""));
  }
  head_->version = version;
  GGUF_RETURN_IF_ERROR(Number(&num_tensors_));
  GGUF_RETURN_IF_ERROR(Number(&num_keys_));
  const uint64_t left = cursor_.remaining();
  if (num_tensors_ > left / kMinTensorInfoBytes || num_keys_ > left / kMinKeyValueBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header claims ", num_tensors_, " tensors and ", num_keys_,
                     " keys, more than fit into the file's ", file_.size(), " bytes"));
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseString(uint64_t max_bytes, absl::string_view what, std::string* text) {
  uint64_t length;
  GGUF_RETURN_IF_ERROR(Number(&length));
  if (length > max_bytes) {
    return Invalid("has a ", what, " of ", length, " bytes, expected at most ", max_bytes);
  }
  return Explain(cursor_.ReadText(length, text));
}

absl::Status Parser::ParseBool(Value* value) {
  uint8_t byte;
  GGUF_RETURN_IF_ERROR(Number(&byte));
  if (byte > 1) {
    warnings_.Add(WarningKind::kBoolean, [&] {
      return absl::StrCat(Where(), " is a boolean stored as ", byte, ", expected 0 or 1");
    });
  }
  *value = Value(byte != 0);
  return absl::OkStatus();
}

absl::Status Parser::ParseBools(uint64_t count, Array* array) {
  Bools& bools = array->elements.emplace<Bools>();
  GGUF_RETURN_IF_ERROR(Explain(cursor_.ReadNumbers(count, &bools.values)));
  uint64_t odd = 0;
  for (uint8_t& byte : bools.values) {
    if (byte > 1) {
      ++odd;
      byte = 1;
    }
  }
  if (odd > 0) {
    warnings_.Add(WarningKind::kBoolean, [&] {
      return absl::StrCat(Where(), " holds ", odd, " booleans other than 0 and 1");
    });
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseStrings(uint64_t count, Array* array) {
  auto& strings = array->elements.emplace<std::vector<std::string>>();
  if (count > cursor_.remaining() / sizeof(uint64_t)) {
    return Explain(absl::OutOfRangeError(""));
  }
  uint64_t malformed = 0, first_malformed = 0;
  for (uint64_t i = 0; i < count; ++i) {
    GGUF_RETURN_IF_ERROR(ParseString(kMaxStringBytes, "string", &strings.emplace_back()));
    if (!IsUtf8(strings.back()) && malformed++ == 0) first_malformed = i;
  }
  if (malformed > 0) {
    warnings_.Add(WarningKind::kText, [&] {
      return absl::StrCat(Where(), " holds ", malformed,
                          " strings that are not UTF-8, the first at index ", first_malformed);
    });
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseArray(Value* value) {
  uint32_t type;
  uint64_t count;
  GGUF_RETURN_IF_ERROR(Number(&type));
  GGUF_RETURN_IF_ERROR(Number(&count));
  if (type == static_cast<uint32_t>(ValueType::kArray)) {
    return Invalid("is an array of arrays, which GGUF readers do not support");
  }
  if (count > kMaxArrayElements) {
    return Invalid("is an array of ", count, " elements, expected at most ", kMaxArrayElements);
  }
  using Parse = absl::Status (Parser::*)(uint64_t, Array*);
  static constexpr Parse kParsers[] = {
      // by ValueType
      &Parser::ParseNumbers<uint8_t>,  &Parser::ParseNumbers<int8_t>,
      &Parser::ParseNumbers<uint16_t>, &Parser::ParseNumbers<int16_t>,
      &Parser::ParseNumbers<uint32_t>, &Parser::ParseNumbers<int32_t>,
      &Parser::ParseNumbers<float>,    &Parser::ParseBools,
      &Parser::ParseStrings,           nullptr,
      &Parser::ParseNumbers<uint64_t>, &Parser::ParseNumbers<int64_t>,
      &Parser::ParseNumbers<double>};
  if (type >= std::size(kParsers)) {
    return Invalid("is an array of type ", type, ", expected 0 to ", std::size(kParsers) - 1);
  }
  Array array;
  GGUF_RETURN_IF_ERROR((this->*kParsers[type])(count, &array));
  *value = Value(std::move(array));
  return absl::OkStatus();
}

absl::Status Parser::ParseValue(uint32_t type, Value* value) {
  using Parse = absl::Status (Parser::*)(Value*);
  static constexpr Parse kParsers[] = {// by ValueType; strings are parsed here
                                       &Parser::ParseScalar<uint8_t>,
                                       &Parser::ParseScalar<int8_t>,
                                       &Parser::ParseScalar<uint16_t>,
                                       &Parser::ParseScalar<int16_t>,
                                       &Parser::ParseScalar<uint32_t>,
                                       &Parser::ParseScalar<int32_t>,
                                       &Parser::ParseScalar<float>,
                                       &Parser::ParseBool,
                                       nullptr,
                                       &Parser::ParseArray,
                                       &Parser::ParseScalar<uint64_t>,
                                       &Parser::ParseScalar<int64_t>,
                                       &Parser::ParseScalar<double>};
  if (type >= std::size(kParsers)) {
    return Invalid("has value type ", type, ", expected 0 to ", std::size(kParsers) - 1);
  }
  if (type != static_cast<uint32_t>(ValueType::kString)) return (this->*kParsers[type])(value);
  std::string text;
  GGUF_RETURN_IF_ERROR(ParseString(kMaxStringBytes, "value", &text));
  if (!IsUtf8(text)) {
    warnings_.Add(WarningKind::kText,
                  [&] { return absl::StrCat(Where(), " is a string that is not UTF-8"); });
  }
  *value = Value(std::move(text));
  return absl::OkStatus();
}

absl::Status Parser::ParseKeyValue() {
  std::string key;
  GGUF_RETURN_IF_ERROR(ParseString(kMaxKeyBytes, "name", &key));
  if (key.empty()) return Invalid("has an empty name");
  where_name_ = key;
  if (key.find('\0') != std::string::npos) return Invalid("has a NUL character in its name");
  if (head_->metadata.Has(key)) return Invalid("occurs twice, expected once");
  if (!IsUtf8(key)) {
    warnings_.Add(WarningKind::kText,
                  [&] { return absl::StrCat(Where(), " has a name that is not UTF-8"); });
  }
  uint32_t type;
  Value value;
  GGUF_RETURN_IF_ERROR(Number(&type));
  GGUF_RETURN_IF_ERROR(ParseValue(type, &value));
  head_->metadata.Set(key, std::move(value));
  return absl::OkStatus();
}

absl::Status Parser::ParseShape(Shape* shape) {
  uint32_t rank;
  GGUF_RETURN_IF_ERROR(Number(&rank));
  if (rank > kMaxRank) return Invalid("has ", rank, " dimensions, expected at most ", kMaxRank);
  uint64_t dims[kMaxRank];
  uint64_t product = 1;  // of the dimensions that are not 0
  bool has_zero = false;
  for (uint32_t i = 0; i < rank; ++i) {
    GGUF_RETURN_IF_ERROR(Number(&dims[i]));
    has_zero |= dims[i] == 0;
    if (dims[i] != 0 && (!CheckedMultiply(product, dims[i], &product) || product >> 63 != 0)) {
      return Invalid("has a shape of more than 2^63 - 1 values");
    }
  }
  if (has_zero) {
    warnings_.Add(WarningKind::kZeroDimension,
                  [&] { return absl::StrCat(Where(), " has a dimension of 0"); });
  }
  *shape = Shape(std::make_reverse_iterator(dims + rank), std::make_reverse_iterator(dims + 0));
  return absl::OkStatus();
}

absl::Status Parser::ParseTensor() {
  TensorInfo tensor;
  GGUF_RETURN_IF_ERROR(ParseString(kMaxTensorNameBytes, "name", &tensor.name));
  if (tensor.name.empty()) return Invalid("has an empty name");
  where_name_ = tensor.name;
  if (tensor.name.find('\0') != std::string::npos) {
    return Invalid("has a NUL character in its name");
  }
  if (!names_.insert(tensor.name).second) return Invalid("occurs twice, expected once");
  if (!IsUtf8(tensor.name)) {
    warnings_.Add(WarningKind::kText,
                  [&] { return absl::StrCat(Where(), " has a name that is not UTF-8"); });
  }
  GGUF_RETURN_IF_ERROR(ParseShape(&tensor.shape));
  uint32_t type;
  GGUF_RETURN_IF_ERROR(Number(&type));
  const TensorTypeInfo* info = FindTensorType(type);
  if (info == nullptr) {
    return Invalid("has type ", type,
                   ", which is unknown or was removed from the format; convert the model again");
  }
  tensor.type = info->type;
  const absl::StatusOr<uint64_t> bytes = TensorBytes(tensor.type, tensor.shape);
  if (!bytes.ok()) return Invalid("is malformed: ", bytes.status().message());
  tensor.num_bytes = *bytes;
  GGUF_RETURN_IF_ERROR(Number(&tensor.offset));
  head_->tensors.push_back(std::move(tensor));
  return absl::OkStatus();
}

void Parser::WarnOfMetadata() {
  const Metadata& metadata = head_->metadata;
  if (head_->alignment < 8) {
    warnings_.Add(WarningKind::kAlignment, [&] {
      return absl::StrCat("key 'general.alignment' is ", head_->alignment,
                          ", expected a multiple of 8");
    });
  }
  // Later shards carry split keys only, importance matrices belong to no architecture.
  const absl::StatusOr<std::string> type = metadata.GetStringOr(keys::kGeneralType, "");
  const absl::StatusOr<uint64_t> shard = metadata.GetUintOr(keys::kSplitNo, 0);
  if ((type.ok() && *type == "imatrix") || (shard.ok() && *shard > 0)) return;
  if (!metadata.GetString(keys::kGeneralArchitecture).ok()) {
    warnings_.Add(WarningKind::kArchitecture,
                  [] { return std::string("key 'general.architecture' is missing or no string"); });
  }
}

absl::Status Parser::Parse(GgufHead* head) {
  head_ = head;
  GGUF_RETURN_IF_ERROR(ParseHeader());
  for (uint64_t i = 0; i < num_keys_; ++i) {
    Enter("key", i);
    GGUF_RETURN_IF_ERROR(ParseKeyValue());
  }
  GGUF_ASSIGN_OR_RETURN(head->alignment, AlignmentOf(head->metadata));
  for (uint64_t i = 0; i < num_tensors_; ++i) {
    Enter("tensor", i);
    GGUF_RETURN_IF_ERROR(ParseTensor());
  }
  WarnOfMetadata();
  head->data_start = RoundUp(cursor_.position(), head->alignment);
  GGUF_RETURN_IF_ERROR(CheckPlacement(file_.size(), head->alignment, head->data_start,
                                      absl::MakeSpan(head->tensors), &warnings_));
  head->data_start = std::min(head->data_start, file_.size());
  head->warnings = warnings_.Take();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GgufHead> ParseHead(const RandomAccessFile& file) {
  GgufHead head;
  const absl::Status status = Parser(file).Parse(&head);
  if (status.ok()) return head;
  return absl::Status(status.code(), absl::StrCat("'", file.name(), "': ", status.message()));
}

}  // namespace gguf
