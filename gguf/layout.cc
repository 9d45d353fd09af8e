#include "gguf/layout.h"

#include <cstring>
#include <type_traits>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/alignment.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/byte_order.h"
#include "gguf/limits.h"

namespace gguf {
namespace {

template <typename T>
void PutNumber(T value, std::string* out) {
  static_assert(std::is_arithmetic_v<T>);
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));  // little-endian host
}

void PutString(absl::string_view text, std::string* out) {
  PutNumber<uint64_t>(text.size(), out);
  absl::StrAppend(out, text);
}

void PutElements(const std::vector<std::string>& elements, std::string* out) {
  for (const std::string& text : elements) PutString(text, out);
}

void PutElements(const Bools& elements, std::string* out) {
  for (uint8_t value : elements.values) out->push_back(value != 0 ? 1 : 0);
}

void PutElements(const std::monostate&, std::string*) {}

template <typename T>
void PutElements(const std::vector<T>& elements, std::string* out) {
  out->append(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T));
}

void PutValue(const Value& value, std::string* out) {
  PutNumber(static_cast<uint32_t>(value.type()), out);
  std::visit(
      [&](const auto& data) {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, std::string>) {
          PutString(data, out);
        } else if constexpr (std::is_same_v<T, Array>) {
          PutNumber(static_cast<uint32_t>(data.element_type()), out);
          PutNumber<uint64_t>(data.size(), out);
          std::visit([&](const auto& elements) { PutElements(elements, out); }, data.elements);
        } else if constexpr (std::is_same_v<T, bool>) {
          PutNumber<uint8_t>(data ? 1 : 0, out);
        } else {
          PutNumber(data, out);
        }
      },
      value.data);
}

absl::Status CheckKey(absl::string_view key, const Value& value) {
  if (key.empty()) return absl::InvalidArgumentError("a metadata key is empty");
  if (key.size() > kMaxKeyBytes || key.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("key '", EscapeText(key, 100), "' has ",
                                                   key.size(), " bytes, expected at most ",
                                                   kMaxKeyBytes, " and no NUL character"));
  }
  const Array* array = std::get_if<Array>(&value.data);
  if (array != nullptr && array->element_type() == ValueType::kArray) {
    return absl::InvalidArgumentError(
        absl::StrCat("key '", EscapeText(key, 100), "' is an array of arrays, which GGUF lacks"));
  }
  return absl::OkStatus();
}

absl::Status CheckTensor(const TensorSpec& tensor) {
  const size_t length = tensor.name.size();
  if (length == 0) return absl::InvalidArgumentError("a tensor has an empty name");
  if (length > kMaxTensorNameBytes || tensor.name.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("tensor name '", EscapeText(tensor.name, 100),
                                                   "' has ", length, " bytes, expected at most ",
                                                   kMaxTensorNameBytes, " and no NUL character"));
  }
  if (tensor.shape.rank() > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("tensor '", EscapeText(tensor.name),
                                                   "' has shape ", tensor.shape.ToString(),
                                                   ", expected at most 4 dimensions"));
  }
  return absl::OkStatus();
}

// Innermost dimension first; one is always written.
void PutTensorInfo(const TensorSpec& tensor, uint64_t data_offset, std::string* out) {
  PutString(tensor.name, out);
  const auto& dims = tensor.shape.dims();
  const size_t rank = std::max<size_t>(tensor.shape.rank(), 1);
  PutNumber<uint32_t>(rank, out);
  for (size_t i = 0; i < rank; ++i) {
    PutNumber<uint64_t>(dims.empty() ? 1 : dims[dims.size() - 1 - i], out);
  }
  PutNumber(static_cast<uint32_t>(tensor.type), out);
  PutNumber(data_offset, out);
}

}  // namespace

absl::StatusOr<Layout> ComputeLayout(const Metadata& metadata,
                                     absl::Span<const TensorSpec> tensors) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentOf(metadata));
  Layout layout;
  layout.head.append("GGUF");
  PutNumber(kFormatVersion, &layout.head);
  PutNumber<uint64_t>(tensors.size(), &layout.head);
  PutNumber<uint64_t>(metadata.size(), &layout.head);
  for (const auto& [key, value] : metadata.entries()) {
    GGUF_RETURN_IF_ERROR(CheckKey(key, value));
    PutString(key, &layout.head);
    PutValue(value, &layout.head);
  }

  absl::flat_hash_set<absl::string_view> names;
  uint64_t data_bytes = 0;
  for (const TensorSpec& tensor : tensors) {
    GGUF_RETURN_IF_ERROR(CheckTensor(tensor));
    if (!names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two tensors are called '", EscapeText(tensor.name), "'"));
    }
    const absl::StatusOr<uint64_t> bytes = TensorBytes(tensor.type, tensor.shape);
    if (!bytes.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor '", EscapeText(tensor.name), "': ", bytes.status().message()));
    }
    PutTensorInfo(tensor, data_bytes, &layout.head);
    layout.offsets.push_back(data_bytes);
    layout.sizes.push_back(*bytes);
    // Both are below 2^63, the alignment is at most 2^20: neither sum can overflow.
    data_bytes = RoundUp(data_bytes + *bytes, alignment);
    if (data_bytes >> 62 != 0) {
      return absl::InvalidArgumentError(absl::StrCat("tensor '", EscapeText(tensor.name),
                                                     "' makes the file larger than 2^62 bytes"));
    }
  }
  layout.head.resize(RoundUp(layout.head.size(), alignment), '\0');
  for (uint64_t& offset : layout.offsets) offset += layout.head.size();
  layout.file_size = layout.head.size() + data_bytes;
  return layout;
}

}  // namespace gguf
