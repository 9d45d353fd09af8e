// A whole file in memory, read-only, through the page cache. Only the runtime maps files:
// everything else reads by position (gguf/io/file.h). A file that is compressed with zstd is
// decompressed into memory of the process.

#ifndef GGUF_TOOLCHAIN_RUNTIME_MAPPED_FILE_H_
#define GGUF_TOOLCHAIN_RUNTIME_MAPPED_FILE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

// Movable. Nobody may shorten the file while it is mapped: the system then ends the process.
class MappedFile {
 public:
  // Errors name the path. An empty file maps to no bytes. ResourceExhausted when a file that must
  // be decompressed is larger than the memory that is available.
  static absl::StatusOr<MappedFile> Open(absl::string_view path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  absl::Span<const uint8_t> bytes() const { return bytes_; }

 private:
  explicit MappedFile(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  absl::Span<const uint8_t> bytes_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_MAPPED_FILE_H_
