// All file access of the project: positional reads and writes behind two small interfaces, so that
// tests can run on memory and inject faults.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_FILE_H_
#define GGUF_TOOLCHAIN_GGUF_IO_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace gguf {

// A file that is read by position. Thread-safe.
class RandomAccessFile {
 public:
  virtual ~RandomAccessFile() = default;

  // What errors call the file: its path as given.
  virtual const std::string& name() const = 0;

  // Size in bytes when the file was opened.
  virtual uint64_t size() const = 0;

  // Fills `out` from `offset`. OutOfRange when the range is not inside size(); DataLoss when the
  // file has become shorter since it was opened; otherwise the system's error. All name the file.
  virtual absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const = 0;

  // Where the file begins in a stream that is read well only from front to back; absent for files
  // in which one place is as good as another.
  virtual absl::optional<uint64_t> stream_offset() const { return absl::nullopt; }
};

// A file of known size that is written by position. Thread-safe for disjoint ranges.
class WritableFile {
 public:
  virtual ~WritableFile() = default;

  virtual const std::string& name() const = 0;

  // Writes all of `bytes` at `offset`. ResourceExhausted, naming the file, when the disk is full.
  virtual absl::Status Write(uint64_t offset, absl::Span<const uint8_t> bytes) = 0;
};

// Opens an existing regular file. NotFound, PermissionDenied, or InvalidArgument for a directory;
// each message is a whole sentence that names the path.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(absl::string_view path);

// Reads a whole file of at most `max_bytes`; InvalidArgument when it is larger.
absl::StatusOr<std::string> ReadToString(const RandomAccessFile& file, uint64_t max_bytes);
absl::StatusOr<std::string> ReadFileToString(absl::string_view path, uint64_t max_bytes);

// An output that appears under its final name only when it is complete: bytes go to `PATH.partial`
// in the same folder; Commit syncs, renames and syncs the folder. Destroyed without Commit, it
// removes the partial file, unless told to keep it. Two processes never write the same one: the
// partial file is locked.
class OutputFile : public WritableFile {
 public:
  struct Options {
    bool replace = false;  // allow an existing PATH; otherwise AlreadyExists, naming --force
    // A partial file of `size` bytes that an earlier process left keeps its bytes (which of them
    // are right is for others to know), and stays when Create or later work fails.
    bool resume = false;
  };

  // Creates the partial file and reserves `size` bytes on disk.
  // ResourceExhausted with required and available bytes when they do not fit; NotFound or
  // PermissionDenied when the folder cannot be written; AlreadyExists as above; FailedPrecondition
  // when another process is writing the same output.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(absl::string_view path, uint64_t size,
                                                            const Options& options);

  // Makes the file durable under its final name. Nothing may be written afterwards.
  virtual absl::Status Commit() = 0;

  // As Commit, but under `PATH.rejected`, which is replaced: for a file that is complete and not
  // what was wanted.
  virtual absl::Status Reject() = 0;

  // Makes durable what has been written so far.
  virtual absl::Status Sync() = 0;

  // Whether bytes of an earlier process are in the file.
  virtual bool is_resumed() const = 0;

  // Whether the partial file stays when this is destroyed without Commit. At first: is_resumed().
  virtual void set_keep_partial(bool keep) = 0;

  // Final path.
  virtual const std::string& path() const = 0;

  // Where the bytes are until Commit, for reading them back.
  virtual const std::string& partial_path() const = 0;
};

// Makes the name of the file at `path` durable: syncs its folder.
absl::Status SyncFolderOf(absl::string_view path);

// True when both paths name the same existing file (device and inode).
bool IsSameFile(absl::string_view a, absl::string_view b);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_FILE_H_
