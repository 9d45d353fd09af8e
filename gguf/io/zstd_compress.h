// A file compressed into frames that can be read by position (gguf/io/zstd_file.h).

#ifndef GGUF_TOOLCHAIN_GGUF_IO_ZSTD_COMPRESS_H_
#define GGUF_TOOLCHAIN_GGUF_IO_ZSTD_COMPRESS_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/io/file.h"

namespace gguf {

// Decompressed bytes per frame: what a read of a single byte costs.
inline constexpr uint64_t kZstdFrameBytes = uint64_t{1} << 20;

inline constexpr int kMinZstdLevel = 1, kDefaultZstdLevel = 3, kMaxZstdLevel = 19;

struct CopyOptions {
  bool replace = false;  // an existing output may be replaced
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;  // looked at between frames; may be null
  std::function<void(uint64_t bytes)> progress;  // told of each piece of the input; may be empty
};

// Writes `in` to `path` as frames with checksums and the seekable format's table (zstd_frames.h).
// The bytes depend on the input, the level (kMinZstdLevel to kMaxZstdLevel) and zstd's version
// only. Returns the size written; until then as much as incompressible bytes need is reserved.
// Memory: eight frames per thread. Cancelled; errors of OutputFile and of reading; InvalidArgument
// for more than 2^27 frames.
absl::StatusOr<uint64_t> CompressFile(const RandomAccessFile& in, absl::string_view path, int level,
                                      const CopyOptions& options);

// Writes the bytes of `in`, such as a file of OpenDecompressed, to `path`. Errors as above.
absl::Status CopyFile(const RandomAccessFile& in, absl::string_view path,
                      const CopyOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_ZSTD_COMPRESS_H_
