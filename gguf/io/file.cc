// Reading files through POSIX calls. Writing is in output_file.cc.

#include "gguf/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "gguf/base/status_macros.h"
#include "gguf/io/posix_error.h"

namespace gguf {
namespace {

// Linux transfers at most about 2 GiB per call.
constexpr size_t kMaxTransferBytes = size_t{1} << 30;

class PosixFile : public RandomAccessFile {
 public:
  PosixFile(std::string name, int fd, uint64_t size)
      : name_(std::move(name)), fd_(fd), size_(size) {}
  ~PosixFile() override { close(fd_); }

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return size_; }

  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      return absl::OutOfRangeError(absl::StrCat("'", name_, "' has ", size_, " bytes, cannot read ",
                                                out.size(), " at byte ", offset));
    }
    while (!out.empty()) {
      const ssize_t got = pread(fd_, out.data(), std::min(out.size(), kMaxTransferBytes), offset);
      if (got < 0) {
        if (errno == EINTR) continue;
        return PosixError(errno, "read", name_);
      }
      if (got == 0) {
        return absl::DataLossError(absl::StrCat("'", name_, "' had ", size_,
                                                " bytes when it was opened and now ends at byte ",
                                                offset, "; another program changed it"));
      }
      offset += got;
      out.remove_prefix(got);
    }
    return absl::OkStatus();
  }

 private:
  std::string name_;
  int fd_;
  uint64_t size_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(absl::string_view path) {
  const std::string name(path);
  if (path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("a path may not contain a NUL character");
  }
  int fd;
  do {  // O_NONBLOCK: opening a named pipe must not wait for its writer
    fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return PosixError(errno, "open", path);
  struct stat info;
  if (fstat(fd, &info) != 0) {
    const int error = errno;
    close(fd);
    return PosixError(error, "examine", path);
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat("cannot open '", path, "': it is ",
                     S_ISDIR(info.st_mode) ? "a folder, expected a file" : "not a regular file"));
  }
  return std::make_unique<PosixFile>(name, fd, static_cast<uint64_t>(info.st_size));
}

absl::StatusOr<std::string> ReadToString(const RandomAccessFile& file, uint64_t max_bytes) {
  if (file.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("'", file.name(), "' has ", file.size(),
                                                   " bytes, expected at most ", max_bytes));
  }
  std::string bytes(file.size(), '\0');
  GGUF_RETURN_IF_ERROR(
      file.Read(0, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size())));
  return bytes;
}

absl::StatusOr<std::string> ReadFileToString(absl::string_view path, uint64_t max_bytes) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  return ReadToString(*file, max_bytes);
}

bool IsSameFile(absl::string_view a, absl::string_view b) {
  struct stat first, second;
  return stat(std::string(a).c_str(), &first) == 0 && stat(std::string(b).c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace gguf
