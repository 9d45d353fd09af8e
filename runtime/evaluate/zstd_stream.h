// Bytes in order, to and from files that are compressed with Zstandard.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_ZSTD_STREAM_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_ZSTD_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace gguf {

// One frame with a checksum. The file appears under its name with Commit. Not thread-safe.
class ZstdWriter {
 public:
  // At most `num_bytes` are appended; what they need at worst is reserved on disk until Commit.
  // Errors of OutputFile::Create.
  static absl::StatusOr<std::unique_ptr<ZstdWriter>> Create(absl::string_view path,
                                                            uint64_t num_bytes, bool replace);
  ~ZstdWriter();

  absl::Status Append(absl::Span<const uint8_t> bytes);
  absl::Status Commit();

 private:
  explicit ZstdWriter(std::unique_ptr<OutputFile> file);
  absl::Status Compress(absl::Span<const uint8_t> bytes, bool is_end);

  std::unique_ptr<OutputFile> file_;
  uint64_t offset_ = 0;
  std::vector<uint8_t> buffer_;
  ZSTD_CCtx_s* context_;
};

// Reads a file front to back, decompressing it when it begins like a Zstandard frame. Memory: two
// buffers of 128 KiB and a window of at most 8 MiB. Not thread-safe.
class SequentialReader {
 public:
  static absl::StatusOr<std::unique_ptr<SequentialReader>> Open(
      std::unique_ptr<RandomAccessFile> file);
  ~SequentialReader();

  const std::string& name() const { return file_->name(); }

  // Fills `out`. DataLoss, naming the file, when it ends before or the frame is damaged.
  absl::Status Read(absl::Span<uint8_t> out);

  // DataLoss when something follows what was read, or the frame's checksum is wrong.
  absl::Status ExpectEnd();

 private:
  explicit SequentialReader(std::unique_ptr<RandomAccessFile> file);
  absl::Status Refill();
  absl::StatusOr<size_t> ReadSome(absl::Span<uint8_t> out);

  std::unique_ptr<RandomAccessFile> file_;
  uint64_t offset_ = 0;             // of the file, next to be read
  std::vector<uint8_t> buffer_;     // bytes of the file
  size_t begin_ = 0, end_ = 0;      // not yet used ones in it
  ZSTD_DCtx_s* context_ = nullptr;  // null: the file is not compressed
  bool is_frame_done_ = false;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_ZSTD_STREAM_H_
