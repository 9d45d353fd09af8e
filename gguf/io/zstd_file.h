// A zstd-compressed file, read by position as if it were not compressed.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FILE_H_
#define GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FILE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "gguf/io/zstd_frames.h"

namespace gguf {

// Whether the file at `path` exists and begins as a zstd file does.
bool IsZstdFile(absl::string_view path);

// Opens `path`, and presents what it decompresses to when it begins as a zstd file does. Errors of
// OpenFile and ReadZstdFrames.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenDecompressed(absl::string_view path);

// As above, of a file that is open.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> Decompressed(
    std::unique_ptr<RandomAccessFile> file);

// The first `num_bytes` bytes that `path` holds or decompresses to, fewer when there are no more.
// Errors of OpenFile and ZstdRandomAccess.
absl::StatusOr<std::string> FirstDecompressedBytes(absl::string_view path, size_t num_bytes);

// Frames beyond this are not decompressed as a whole: such a file is read as a stream
// (zstd_random_access.h), well from front to back only.
inline constexpr uint64_t kMaxWholeFrameBytes = uint64_t{64} << 20;

class ZstdDecoder;

// Frames in any order, decompressed by as many threads as read. Memory: the frames read last, at
// most kCacheBytes or two of them, and per thread that reads at the same time a compressed frame
// and a decoder.
class ZstdFramesFile : public RandomAccessFile {
 public:
  static constexpr uint64_t kCacheBytes = uint64_t{8} << 20;

  // `frames` are the file's, each at most kMaxWholeFrameBytes.
  ZstdFramesFile(std::unique_ptr<RandomAccessFile> file, std::vector<ZstdFrame> frames);
  ~ZstdFramesFile() override;

  const std::string& name() const override { return file_->name(); }
  uint64_t size() const override { return size_; }
  // Besides: DataLoss when a frame is damaged or not as long as it claimed.
  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override;

 private:
  using Bytes = std::shared_ptr<const std::vector<uint8_t>>;

  absl::Status Decode(const ZstdFrame& frame, absl::Span<uint8_t> out) const;
  absl::StatusOr<Bytes> Cached(size_t index) const;

  std::unique_ptr<RandomAccessFile> file_;
  std::vector<ZstdFrame> frames_;
  uint64_t size_;
  mutable absl::Mutex mutex_;
  mutable std::vector<std::unique_ptr<ZstdDecoder>> idle_ ABSL_GUARDED_BY(mutex_);
  mutable std::list<std::pair<size_t, Bytes>> cache_ ABSL_GUARDED_BY(mutex_);  // used last: first
  mutable uint64_t cached_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FILE_H_
