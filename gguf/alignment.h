// The one key that changes the layout of a file.

#ifndef GGUF_TOOLCHAIN_GGUF_ALIGNMENT_H_
#define GGUF_TOOLCHAIN_GGUF_ALIGNMENT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "gguf/metadata.h"

namespace gguf {

// `general.alignment`, 32 when absent. InvalidArgument unless it is a uint32 that is a power of two
// of at most 2^20.
absl::StatusOr<uint64_t> AlignmentOf(const Metadata& metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_ALIGNMENT_H_
