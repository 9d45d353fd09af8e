// Outputs whose size is known only when they are written.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_SHORTEN_OUTPUT_H_
#define GGUF_TOOLCHAIN_GGUF_IO_SHORTEN_OUTPUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "gguf/io/file.h"

namespace gguf {

// Cuts an output, created with the most that it could need, to `size` bytes; before Commit.
absl::Status ShortenOutput(const OutputFile& file, uint64_t size);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_SHORTEN_OUTPUT_H_
