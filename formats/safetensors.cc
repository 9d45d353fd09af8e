#include "formats/safetensors.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "nlohmann/json.hpp"

namespace gguf {
namespace {

struct ElementTypeInfo {
  ElementType type;
  absl::string_view name;
  uint32_t bytes;
};

constexpr ElementTypeInfo kElementTypes[] = {
    {ElementType::kF64, "F64", 8},         {ElementType::kF32, "F32", 4},
    {ElementType::kF16, "F16", 2},         {ElementType::kBF16, "BF16", 2},
    {ElementType::kI64, "I64", 8},         {ElementType::kI32, "I32", 4},
    {ElementType::kI16, "I16", 2},         {ElementType::kI8, "I8", 1},
    {ElementType::kU8, "U8", 1},           {ElementType::kBool, "BOOL", 1},
    {ElementType::kF8_E4M3, "F8_E4M3", 1}, {ElementType::kF8_E5M2, "F8_E5M2", 1},
};

const ElementTypeInfo* FindElementType(absl::string_view name) {
  for (const ElementTypeInfo& info : kElementTypes) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string KnownElementTypes() {
  return absl::StrJoin(kElementTypes, ", ", [](std::string* out, const ElementTypeInfo& info) {
    absl::StrAppend(out, info.name);
  });
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMaxShown = 80;
  return absl::StrCat("\"", EscapeText(text, kMaxShown), "\"");
}

// Receives the JSON parser's events. The header has a fixed form, so anything that departs from it
// stops the parser at once and no tree is ever built; where_ says what may come next.
class HeaderReader {
 public:
  explicit HeaderReader(absl::string_view file_name) : file_name_(file_name) {}

  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return Unexpected("null"); }
  bool boolean(bool value) { return Unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) { return Unexpected(absl::StrCat(value)); }
  bool number_float(number_float_t, const string_t& text) { return Unexpected(text); }
  bool binary(binary_t&) { return Unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) {
    if (where_ == Where::kShape) {
      if (shape_.size() == kMaxSafetensorsRank) {
        return Fail(absl::StrCat(Tensor(), " has more than ", kMaxSafetensorsRank, " dimensions"));
      }
      shape_.push_back(value);
      return true;
    }
    if (where_ == Where::kOffsets) {
      if (num_offsets_ == 2) return Fail(absl::StrCat(Tensor(), " has more than two offsets"));
      offsets_[num_offsets_++] = value;
      return true;
    }
    return Unexpected(absl::StrCat(value));
  }

  bool string(string_t& value) {
    if (where_ == Where::kDtype) {
      const ElementTypeInfo* info = FindElementType(value);
      if (info == nullptr) {
        return Fail(absl::StrCat(Tensor(), " has the unknown dtype ", Quoted(value), "; known are ",
                                 KnownElementTypes()));
      }
      tensor_.type = info->type;
      where_ = Where::kField;
      return true;
    }
    if (where_ == Where::kMetadata) {
      header_.metadata.back().second = std::move(value);
      return true;
    }
    return Unexpected(Quoted(value));
  }

  bool start_object(size_t) {
    switch (where_) {
      case Where::kStart:
        where_ = Where::kName;
        return true;
      case Where::kTensor:
        where_ = Where::kField;
        return true;
      case Where::kMetadataStart:
        where_ = Where::kMetadata;
        return true;
      default:
        return Unexpected("an object");
    }
  }

  bool key(string_t& key) {
    if (where_ == Where::kName) return StartTensor(key);
    if (where_ == Where::kField) return StartField(key);
    header_.metadata.emplace_back(std::move(key), "");  // kMetadata: no other state allows a key
    return true;
  }

  bool end_object() {
    if (where_ == Where::kField && !FinishTensor()) return false;
    where_ = where_ == Where::kName ? Where::kEnd : Where::kName;
    return true;
  }

  bool start_array(size_t) {
    if (where_ == Where::kShapeStart) {
      where_ = Where::kShape;
    } else if (where_ == Where::kOffsetsStart) {
      where_ = Where::kOffsets;
    } else {
      return Unexpected("a list");
    }
    return true;
  }

  bool end_array() {
    where_ = Where::kField;
    return true;
  }

  template <typename Exception>
  bool parse_error(size_t byte, const std::string&, const Exception&) {
    return Fail(absl::StrCat("the header is not valid JSON at its byte ", byte));
  }

  const absl::Status& status() const { return status_; }
  SafetensorsHeader& header() { return header_; }

 private:
  enum class Where {
    kStart,          // the outermost object
    kName,           // a tensor's name, or the end
    kTensor,         // the object that describes it
    kField,          // one of its keys, or its end
    kDtype,          // a text
    kShapeStart,     // a list
    kShape,          // its numbers
    kOffsetsStart,   // a list
    kOffsets,        // its numbers
    kMetadataStart,  // the object __metadata__
    kMetadata,       // texts
    kEnd,
  };

  static absl::string_view Expected(Where where) {
    static constexpr absl::string_view kExpected[] = {
        "an object",
        "a tensor name",
        "an object with dtype, shape and data_offsets",
        "one of dtype, shape, data_offsets",
        "the name of a dtype",
        "a list of dimensions",
        "a whole number below 2^64",
        "a list of two offsets",
        "a whole number below 2^64",
        "an object of texts",
        "a text",
        "the end",
    };
    return kExpected[static_cast<size_t>(where)];
  }

  std::string Tensor() const { return absl::StrCat("tensor ", Quoted(tensor_.name)); }

  bool Fail(absl::string_view what) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_name_, ": ", what, "; download or save the file again."));
    return false;
  }

  bool Unexpected(absl::string_view found) {
    const bool in_tensor = where_ >= Where::kTensor && where_ <= Where::kOffsets;
    const bool in_metadata = where_ == Where::kMetadataStart || where_ == Where::kMetadata;
    return Fail(absl::StrCat(in_tensor     ? Tensor()
                             : in_metadata ? "__metadata__"
                                           : "the header",
                             " has ", found, ", expected ", Expected(where_)));
  }

  bool StartTensor(string_t& name) {
    if (name == "__metadata__") {
      if (has_metadata_) return Fail("__metadata__ occurs twice");
      has_metadata_ = true;
      where_ = Where::kMetadataStart;
      return true;
    }
    tensor_ = SafetensorsTensor();
    tensor_.name = std::move(name);
    if (tensor_.name.empty()) return Fail("a tensor has an empty name");
    has_dtype_ = has_shape_ = has_offsets_ = false;
    shape_.clear();
    num_offsets_ = 0;
    where_ = Where::kTensor;
    return true;
  }

  bool StartField(const string_t& key) {
    const struct {
      absl::string_view key;
      bool* seen;
      Where next;
    } kFields[] = {{"dtype", &has_dtype_, Where::kDtype},
                   {"shape", &has_shape_, Where::kShapeStart},
                   {"data_offsets", &has_offsets_, Where::kOffsetsStart}};
    for (const auto& field : kFields) {
      if (field.key != key) continue;
      if (*field.seen) return Fail(absl::StrCat(Tensor(), " has ", key, " twice"));
      *field.seen = true;
      where_ = field.next;
      return true;
    }
    return Fail(absl::StrCat(Tensor(), " has the unknown key ", Quoted(key), ", expected ",
                             Expected(Where::kField)));
  }

  bool FinishTensor() {
    if (!has_dtype_) return Fail(absl::StrCat(Tensor(), " has no dtype"));
    if (!has_shape_) return Fail(absl::StrCat(Tensor(), " has no shape"));
    if (!has_offsets_) return Fail(absl::StrCat(Tensor(), " has no data_offsets"));
    if (num_offsets_ != 2) {
      return Fail(absl::StrCat(Tensor(), " has ", num_offsets_, " offsets, expected two"));
    }
    tensor_.shape = Shape(shape_.begin(), shape_.end());
    uint64_t num_bytes = ElementBytes(tensor_.type);
    for (const uint64_t dim : shape_) {
      if (!CheckedMultiply(num_bytes, dim, &num_bytes)) {
        return Fail(absl::StrCat(Tensor(), " has the shape ", tensor_.shape.ToString(),
                                 ", whose size exceeds 2^64 bytes"));
      }
    }
    const auto [begin, end] = offsets_;
    if (end < begin || end - begin != num_bytes) {
      return Fail(absl::StrCat(Tensor(), " of type ", NameOf(tensor_.type), " and shape ",
                               tensor_.shape.ToString(), " needs ", num_bytes,
                               " bytes, but its data_offsets are [", begin, ", ", end, "]"));
    }
    tensor_.num_bytes = num_bytes;
    tensor_.offset = begin;  // made absolute once it is known to lie in the file
    header_.tensors.push_back(std::move(tensor_));
    return true;
  }

  absl::string_view file_name_;
  Where where_ = Where::kStart;
  SafetensorsHeader header_;
  SafetensorsTensor tensor_;
  std::vector<uint64_t> shape_;
  uint64_t offsets_[2] = {};
  size_t num_offsets_ = 0;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  bool has_metadata_ = false;
  absl::Status status_;
};

template <typename... Parts>
absl::Status Broken(absl::string_view file_name, const Parts&... what) {
  return absl::InvalidArgumentError(
      absl::StrCat(file_name, ": ", what..., "; download or save the file again."));
}

absl::Status CheckNamesAreDistinct(absl::string_view file_name, const SafetensorsHeader& header) {
  std::vector<absl::string_view> names;
  for (const SafetensorsTensor& tensor : header.tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return Broken(file_name, "tensor ", Quoted(*twice), " occurs twice");

  names.clear();
  for (const auto& entry : header.metadata) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return Broken(file_name, "__metadata__ has the key ", Quoted(*twice), " twice");
}

// In order of offset, the tensors leave no hole and do not overlap.
absl::Status CheckTensorsTile(absl::string_view file_name,
                              const std::vector<SafetensorsTensor>& tensors, uint64_t data_bytes) {
  std::vector<const SafetensorsTensor*> order;
  order.reserve(tensors.size());
  for (const SafetensorsTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) {
    return std::make_pair(a->offset, a->num_bytes) < std::make_pair(b->offset, b->num_bytes);
  });
  uint64_t end = 0;
  for (const SafetensorsTensor* tensor : order) {
    if (tensor->offset != end) {
      return Broken(file_name, "tensor ", Quoted(tensor->name), " begins at offset ",
                    tensor->offset,
                    tensor->offset < end ? " inside the tensor before it, which ends at "
                                         : " behind a hole that begins at ",
                    end);
    }
    if (tensor->num_bytes > data_bytes - end) {
      return Broken(file_name, "tensor ", Quoted(tensor->name), " ends at offset ", end, " + ",
                    tensor->num_bytes, ", behind the ", data_bytes,
                    " bytes of data in the file, which may be incomplete");
    }
    end += tensor->num_bytes;
  }
  if (end != data_bytes) {
    return Broken(file_name, "the tensors end at offset ", end, ", but the file has ", data_bytes,
                  " bytes of data");
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view NameOf(ElementType type) { return kElementTypes[static_cast<size_t>(type)].name; }

uint32_t ElementBytes(ElementType type) { return kElementTypes[static_cast<size_t>(type)].bytes; }

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view file_name,
                                                         absl::string_view json,
                                                         uint64_t data_bytes) {
  if (json.empty() || json[0] != '{') return Broken(file_name, "the header does not begin with {");
  HeaderReader reader(file_name);
  // The parser takes a NUL for the end of the text.
  const size_t nul = json.find('\0');
  if (nul != absl::string_view::npos) {
    reader.parse_error(nul + 1, "", nullptr);
    return reader.status();
  }
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) return reader.status();
  SafetensorsHeader header = std::move(reader.header());
  GGUF_RETURN_IF_ERROR(CheckNamesAreDistinct(file_name, header));
  GGUF_RETURN_IF_ERROR(CheckTensorsTile(file_name, header.tensors, data_bytes));
  for (SafetensorsTensor& tensor : header.tensors) tensor.offset += 8 + json.size();
  return header;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(std::unique_ptr<RandomAccessFile> file) {
  const std::string& name = file->name();
  uint8_t prefix[8];
  if (file->size() < sizeof(prefix)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": has ", file->size(),
        " bytes, fewer than the 8 a safetensors file begins with; download it again."));
  }
  GGUF_RETURN_IF_ERROR(file->Read(0, absl::MakeSpan(prefix)));
  uint64_t header_bytes = 0;
  for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | prefix[i];
  const uint64_t behind_prefix = file->size() - sizeof(prefix);
  if (header_bytes > behind_prefix || header_bytes > kMaxSafetensorsHeader) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": claims a header of ", header_bytes, " bytes, but the file has ",
                     behind_prefix, " behind the length and at most ", kMaxSafetensorsHeader,
                     " are allowed; it is incomplete or not a safetensors file."));
  }
  std::string json(header_bytes, '\0');
  GGUF_RETURN_IF_ERROR(file->Read(
      sizeof(prefix), absl::MakeSpan(reinterpret_cast<uint8_t*>(json.data()), json.size())));
  SafetensorsFile result;
  GGUF_ASSIGN_OR_RETURN(result.header_,
                        ParseSafetensorsHeader(name, json, behind_prefix - header_bytes));
  result.file_ = std::move(file);
  return result;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  return Open(std::move(file));
}

absl::Status SafetensorsFile::Read(const SafetensorsTensor& tensor, uint64_t offset,
                                   absl::Span<uint8_t> out) const {
  if (offset > tensor.num_bytes || out.size() > tensor.num_bytes - offset) {
    return absl::OutOfRangeError(absl::StrCat(name(), ": tensor ", tensor.name, " has ",
                                              tensor.num_bytes, " bytes, and ", out.size(),
                                              " from offset ", offset, " were asked for."));
  }
  const absl::Status status = file_->Read(tensor.offset + offset, out);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("tensor ", tensor.name, ": ", status.message()));
}

}  // namespace gguf
