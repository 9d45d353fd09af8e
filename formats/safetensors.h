// Reading safetensors: an 8-byte little-endian header length, a JSON header, then the tensors.
//
// The header is one object: tensor name -> {"dtype", "shape", "data_offsets": [begin, end]}, and
// optionally "__metadata__" with text values; it may be padded with spaces. Offsets count from the
// end of the header. Tensors tile the data area from its first byte to its last: no hole, no
// overlap, nothing behind (spec: the safetensors format, README and tensor.rs, May 2026).

#ifndef GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_H_
#define GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "gguf/shape.h"

namespace gguf {

inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;  // bytes; the format's own limit
inline constexpr size_t kMaxSafetensorsRank = 8;

// Element types by the names the header uses.
enum class ElementType : uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
  kF8_E4M3,
  kF8_E5M2,
};

absl::string_view NameOf(ElementType type);  // "BF16"
uint32_t ElementBytes(ElementType type);     // 2

struct SafetensorsTensor {
  std::string name;
  ElementType type = ElementType::kF32;
  Shape shape;             // outermost first; empty for a scalar
  uint64_t offset = 0;     // of the data, from the start of the file
  uint64_t num_bytes = 0;  // product of the shape times ElementBytes
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // in the order of the header; names are distinct
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Checks and decodes the JSON header `json` of a file whose data area has `data_bytes` bytes and
// begins at 8 + json.size(). Memory: a small multiple of the header. InvalidArgument: one sentence
// with file, tensor, what was found and the rule it breaks.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view file_name,
                                                         absl::string_view json,
                                                         uint64_t data_bytes);

// An opened file, every rule above checked. Thread-safe.
class SafetensorsFile {
 public:
  static absl::StatusOr<SafetensorsFile> Open(std::unique_ptr<RandomAccessFile> file);
  static absl::StatusOr<SafetensorsFile> Open(absl::string_view path);

  const std::string& name() const { return file_->name(); }
  const std::vector<SafetensorsTensor>& tensors() const { return header_.tensors; }
  const std::vector<std::pair<std::string, std::string>>& metadata() const {
    return header_.metadata;
  }

  // RandomAccessFile::stream_offset.
  absl::optional<uint64_t> stream_offset() const { return file_->stream_offset(); }

  // Reads out.size() bytes of a tensor's data from `offset`, relative to its start. OutOfRange when
  // they are not inside the tensor; names file and tensor on failure.
  absl::Status Read(const SafetensorsTensor& tensor, uint64_t offset,
                    absl::Span<uint8_t> out) const;

 private:
  SafetensorsFile() = default;

  std::unique_ptr<RandomAccessFile> file_;
  SafetensorsHeader header_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_H_
