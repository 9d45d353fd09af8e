// NumPy's file format, as far as it is written: arrays of float32.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_NPY_HEADER_H_
#define GGUF_TOOLCHAIN_GGUF_IO_NPY_HEADER_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace gguf {

// What stands before the values (format 1.0, little-endian float32, rows first) of an array with
// these dimensions, outermost first, padded to a multiple of 64 bytes.
std::string NpyHeader(absl::Span<const uint64_t> dims);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_NPY_HEADER_H_
