// Outputs that appear under their final name only when complete.

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/io/posix_error.h"

namespace gguf {
namespace {

constexpr size_t kMaxTransferBytes = size_t{1} << 30;
constexpr uint64_t kFlushBytes = uint64_t{32} << 20;
constexpr uint64_t kStatBlockBytes = 512;  // of st_blocks

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The final name must be free, or a regular file that may be replaced.
absl::Status CheckTarget(const std::string& path, bool replace) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return PosixError(errno, "write", path);
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write '", path, "': it is a folder, expected the name of a file"));
  }
  if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write '", path, "': it is not a regular file"));
  }
  if (!replace) {
    return absl::AlreadyExistsError(
        absl::StrCat("'", path, "' exists; choose another name, or replace it with --force"));
  }
  return absl::OkStatus();
}

// Opens the partial file and locks it. The lock counts only while the locked file still has the
// partial file's name: a process that commits renames it away, one that gives up removes it.
absl::StatusOr<int> OpenLocked(const std::string& partial) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    // Not truncated here: until the lock is held the bytes may be another process's.
    const int fd =
        open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0) {
      if (errno == EINTR) continue;
      return PosixError(errno, "create", partial);
    }
    struct stat held, named;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      close(fd);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) return PosixError(error, "lock", partial);
      return absl::FailedPreconditionError(absl::StrCat("another process is writing '", partial,
                                                        "'; wait for it or choose another output"));
    }
    if (fstat(fd, &held) == 0 && stat(partial.c_str(), &named) == 0 &&
        held.st_dev == named.st_dev && held.st_ino == named.st_ino) {
      if (S_ISREG(held.st_mode)) return fd;
      close(fd);
      return absl::FailedPreconditionError(
          absl::StrCat("'", partial, "' is not a regular file; remove it"));
    }
    close(fd);
  }
  return absl::UnavailableError(
      absl::StrCat("other processes keep replacing '", partial, "'; try again"));
}

absl::Status DoesNotFit(const std::string& path, uint64_t required, uint64_t available) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "'", path, "' needs ", required, " bytes (", FormatSize(required), "), ", available,
      " bytes (", FormatSize(available), ") are available; free space or choose another folder"));
}

// Reserves `size` bytes for the file `fd`, so that a full disk is found before any work.
absl::Status Reserve(int fd, const std::string& path, uint64_t size) {
  uint64_t available = std::numeric_limits<int64_t>::max();
  struct statvfs disk;
  struct stat file;
  if (fstatvfs(fd, &disk) == 0 && CheckedMultiply(disk.f_bavail, disk.f_frsize, &available) &&
      fstat(fd, &file) == 0) {
    const uint64_t held = static_cast<uint64_t>(file.st_blocks) * kStatBlockBytes;
    if (size > held && size - held > available) return DoesNotFit(path, size - held, available);
  }
  if (size > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) {
    return DoesNotFit(path, size, available);
  }
  if (size == 0) return absl::OkStatus();
  // The system call itself: the C library's posix_fallocate would write every block where the file
  // system cannot reserve.
  int result;
  do {
    result = fallocate(fd, 0, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return absl::OkStatus();
  if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT) {
    return DoesNotFit(path, size, available);
  }
  if (ftruncate(fd, static_cast<off_t>(size)) != 0) return PosixError(errno, "reserve", path);
  return absl::OkStatus();
}

class PosixOutputFile : public OutputFile {
 public:
  PosixOutputFile(std::string path, std::string partial, int fd, uint64_t size, bool replace)
      : path_(std::move(path)),
        partial_(std::move(partial)),
        fd_(fd),
        size_(size),
        replace_(replace) {}

  ~PosixOutputFile() override {
    if (!committed_ && !keep_partial_) unlink(partial_.c_str());
    close(fd_);  // gives up the lock, so after the unlink
  }

  const std::string& name() const override { return path_; }
  const std::string& path() const override { return path_; }
  const std::string& partial_path() const override { return partial_; }

  absl::Status Prepare(bool resume) {
    struct stat earlier;
    is_resumed_ = resume && size_ != 0 && fstat(fd_, &earlier) == 0 &&
                  static_cast<uint64_t>(earlier.st_size) == size_;
    keep_partial_ = is_resumed_;
    if (!is_resumed_ && ftruncate(fd_, 0) != 0) return PosixError(errno, "truncate", partial_);
    struct stat replaced;
    if (stat(path_.c_str(), &replaced) == 0) fchmod(fd_, replaced.st_mode & 0777);
    return Reserve(fd_, path_, size_);
  }

  absl::Status Write(uint64_t offset, absl::Span<const uint8_t> bytes) override {
    if (offset > size_ || bytes.size() > size_ - offset) {
      return absl::OutOfRangeError(absl::StrCat("'", path_, "' was created with ", size_,
                                                " bytes, cannot write ", bytes.size(), " at byte ",
                                                offset));
    }
    const uint64_t before = num_written_.fetch_add(bytes.size());
    if (before / kFlushBytes != (before + bytes.size()) / kFlushBytes) {
      // The disk begins with what is there while the rest is still made; only a hint, so errors are
      // left to fsync.
      sync_file_range(fd_, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    while (!bytes.empty()) {
      const ssize_t put =
          pwrite(fd_, bytes.data(), std::min(bytes.size(), kMaxTransferBytes), offset);
      if (put < 0) {
        if (errno == EINTR) continue;
        return PosixError(errno, "write", path_);
      }
      offset += put;
      bytes.remove_prefix(put);
    }
    return absl::OkStatus();
  }

  absl::Status Commit() override {
    GGUF_RETURN_IF_ERROR(Finish());
    GGUF_RETURN_IF_ERROR(Rename());
    committed_ = true;
    return SyncFolderOf(path_);
  }

  absl::Status Reject() override {
    GGUF_RETURN_IF_ERROR(Finish());
    const std::string rejected = absl::StrCat(path_, ".rejected");
    if (rename(partial_.c_str(), rejected.c_str()) != 0) {
      return PosixError(errno, "rename to", rejected);
    }
    committed_ = true;
    return SyncFolderOf(path_);
  }

  absl::Status Sync() override {
    return fdatasync(fd_) == 0 ? absl::OkStatus() : PosixError(errno, "sync", partial_);
  }

  bool is_resumed() const override { return is_resumed_; }
  void set_keep_partial(bool keep) override { keep_partial_ = keep; }

 private:
  absl::Status Finish() const {
    if (committed_) return absl::FailedPreconditionError(absl::StrCat("'", path_, "' is complete"));
    if (fsync(fd_) != 0) return PosixError(errno, "sync", partial_);
    return absl::OkStatus();
  }

  // Without `replace`, a file that appeared meanwhile is not overwritten.
  absl::Status Rename() const {
    if (!replace_) {
      if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
        return absl::OkStatus();
      }
      if (errno == EEXIST) return CheckTarget(path_, replace_);
      if (errno != EINVAL && errno != ENOSYS) return PosixError(errno, "rename to", path_);
      GGUF_RETURN_IF_ERROR(CheckTarget(path_, replace_));  // the file system lacks the flag
    }
    if (rename(partial_.c_str(), path_.c_str()) != 0) return PosixError(errno, "rename to", path_);
    return absl::OkStatus();
  }

  std::string path_;
  std::string partial_;
  int fd_;
  uint64_t size_;
  bool replace_;
  bool committed_ = false;
  bool is_resumed_ = false;
  bool keep_partial_ = false;
  std::atomic<uint64_t> num_written_ = 0;
};

}  // namespace

absl::Status SyncFolderOf(absl::string_view path) {
  const std::string folder = FolderOf(std::string(path));
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::OkStatus();  // a folder that may be written but not read
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  // Some file systems cannot sync a folder, and say so with EINVAL.
  if (result != 0 && error != EINVAL) return PosixError(error, "sync the folder of", path);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(absl::string_view path,
                                                               uint64_t size,
                                                               const Options& options) {
  const std::string name(path);
  if (path.empty() || path.back() == '/' || path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' is not the name of an output file"));
  }
  const std::string partial = absl::StrCat(name, ".partial");
  GGUF_RETURN_IF_ERROR(CheckTarget(name, options.replace));
  GGUF_ASSIGN_OR_RETURN(const int fd, OpenLocked(partial));
  auto file = std::make_unique<PosixOutputFile>(name, partial, fd, size, options.replace);
  // Again: another process may have finished while this one was on its way to the lock.
  GGUF_RETURN_IF_ERROR(CheckTarget(name, options.replace));
  GGUF_RETURN_IF_ERROR(file->Prepare(options.resume));
  return std::unique_ptr<OutputFile>(std::move(file));
}

}  // namespace gguf
