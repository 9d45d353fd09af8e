#include "runtime/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/parallel.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/zstd_file.h"
#include "runtime/memory.h"

namespace gguf {
namespace {

absl::Status SystemError(absl::string_view what, absl::string_view path) {
  const int error = errno;
  return absl::Status(
      error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kUnavailable,
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

// A new mapping with what the compressed file at `path` decompresses to.
absl::StatusOr<absl::Span<const uint8_t>> Decompress(absl::string_view path) {
  constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
  GGUF_ASSIGN_OR_RETURN(const auto file, OpenDecompressed(path));
  const uint64_t size = file->size();
  const uint64_t available = AvailableMemory();
  if (size > available) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " decompresses to ", FormatSize(size), " of memory, but ",
                     FormatSize(available),
                     " are available: write the model to disk with gguf decompress"));
  }
  if (size == 0) return absl::Span<const uint8_t>();
  void* address =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return SystemError("find memory for", path);
  const auto bytes = absl::MakeSpan(static_cast<uint8_t*>(address), size);
  const int threads = file->stream_offset().has_value() ? 1 : AvailableThreads();
  const absl::Status status =
      ParallelFor((size + kPieceBytes - 1) / kPieceBytes, threads, [&](uint64_t i, int) {
        const uint64_t offset = i * kPieceBytes;
        return file->Read(offset, bytes.subspan(offset, kPieceBytes));
      });
  if (status.ok()) return bytes;
  munmap(address, size);
  return status;
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(absl::string_view path) {
  if (IsZstdFile(path)) {
    GGUF_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes, Decompress(path));
    return MappedFile(bytes);
  }
  const int fd = open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("open", path);
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return SystemError("look at", path);
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile(absl::Span<const uint8_t>());
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return SystemError("map", path);
  return MappedFile(absl::MakeConstSpan(static_cast<const uint8_t*>(address), size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, absl::Span<const uint8_t>())) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace gguf
