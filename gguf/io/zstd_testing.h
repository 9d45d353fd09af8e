// Zstd files made in place, for tests.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_ZSTD_TESTING_H_
#define GGUF_TOOLCHAIN_GGUF_IO_ZSTD_TESTING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gguf {

// Zstandard frames of at most `frame_bytes` (0: one frame), with checksums.
std::string CompressZstd(absl::string_view bytes, size_t frame_bytes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_ZSTD_TESTING_H_
