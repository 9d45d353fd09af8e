// Small GGUF files made in memory, for tests.

#ifndef GGUF_TOOLCHAIN_GGUF_TESTING_H_
#define GGUF_TOOLCHAIN_GGUF_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/layout.h"
#include "gguf/metadata.h"
#include "gguf/reader.h"

namespace gguf {

// Bytes of a GGUF with these tensors; data[i] (empty: a pattern) is the data of tensors[i].
absl::StatusOr<std::string> MakeGguf(const Metadata& metadata, absl::Span<const TensorSpec> tensors,
                                     absl::Span<const std::string> data = {});

// The pattern: byte i of tensor t is (7 t + 13 i) mod 251.
std::string PatternBytes(size_t tensor, uint64_t num_bytes);

// Opens bytes as the file "test.gguf".
absl::StatusOr<GgufFile> OpenBytes(std::string bytes);

// Writes bytes under `path` at once; false when that fails.
bool WriteFileBytes(absl::string_view path, absl::string_view bytes);

// A GGUF put together number by number, valid or not. Appends in call order.
class RawGguf {
 public:
  explicit RawGguf(bool big_endian = false) : big_endian_(big_endian) {}

  template <typename T>
  RawGguf& Number(T value) {
    std::string bytes(reinterpret_cast<const char*>(&value), sizeof(value));
    if (big_endian_) bytes.assign(bytes.rbegin(), bytes.rend());
    bytes_ += bytes;
    return *this;
  }
  RawGguf& Bytes(absl::string_view bytes) {
    bytes_.append(bytes.data(), bytes.size());
    return *this;
  }
  RawGguf& String(absl::string_view text) { return Number<uint64_t>(text.size()).Bytes(text); }
  RawGguf& Header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    return Bytes("GGUF").Number(version).Number(tensors).Number(keys);
  }
  RawGguf& Key(absl::string_view key, ValueType type) {
    return String(key).Number(static_cast<uint32_t>(type));
  }
  // Dimensions as stored: innermost first.
  RawGguf& Tensor(absl::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
                  uint64_t offset) {
    String(name).Number(static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) Number(dim);
    return Number(type).Number(offset);
  }
  RawGguf& Pad(size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  bool big_endian_;
  std::string bytes_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_TESTING_H_
