// Reading a zstd-compressed file as if it were not: by position, decompressed on the way, nothing
// written to disk.
//
// Zstandard data can be entered only where a frame begins (RFC 8878), and many files are one frame.
// A few decoders stand at different places, each with the bytes it produced last; a read goes to
// the decoder that is there, and readers that move forward (weights in file order, their scales
// further on) cost one decompression each. Going back further than what is kept begins again at the
// last known frame.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_ZSTD_RANDOM_ACCESS_H_
#define GGUF_TOOLCHAIN_GGUF_IO_ZSTD_RANDOM_ACCESS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"

namespace gguf {

class ZstdCursor;

// Thread-safe; one read at a time. Memory: at most kMaxDecoders times kHistoryBytes and the file's
// window.
class ZstdRandomAccess {
 public:
  static constexpr size_t kMaxDecoders = 3;
  // Decompressed bytes that each decoder can give again.
  static constexpr uint64_t kHistoryBytes = uint64_t{64} << 20;
  // What a decoder must look back upon; more is refused (zstd itself wants --long then, too).
  static constexpr int kMaxWindowLog = 27;

  explicit ZstdRandomAccess(std::unique_ptr<RandomAccessFile> file);
  ~ZstdRandomAccess();

  const std::string& name() const { return file_->name(); }

  // Fills `out` from decompressed position `offset` as far as there is data; returns how much.
  // DataLoss: the file is damaged or ends too early. InvalidArgument: a window beyond the
  // limit above, a ratio beyond that of CheckZstdRatio.
  absl::StatusOr<size_t> Read(uint64_t offset, absl::Span<uint8_t> out);

  // How often a decoder had to go back, and the bytes decompressed by all of them.
  uint64_t num_restarts() const;
  uint64_t decoded_bytes() const;

 private:
  ZstdCursor* Choose(uint64_t offset) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves to the last known frame that begins in (from, offset]; false: there is none.
  bool JumpTo(uint64_t from, uint64_t offset, ZstdCursor* decoder)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::unique_ptr<RandomAccessFile> file_;
  mutable absl::Mutex mutex_;
  // The decoder used last is last.
  std::vector<std::unique_ptr<ZstdCursor>> decoders_ ABSL_GUARDED_BY(mutex_);
  // Where frames begin: decompressed position -> position in the file.
  std::map<uint64_t, uint64_t> frames_ ABSL_GUARDED_BY(mutex_);
  uint64_t num_restarts_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_ZSTD_RANDOM_ACCESS_H_
