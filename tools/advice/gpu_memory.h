// How much memory of the machine's graphics cards is free, asked of nvidia-smi.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_GPU_MEMORY_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_GPU_MEMORY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Bytes free per card, in the order of nvidia-smi. NotFound when there is no such program,
// Unavailable when it fails or does not answer within ten seconds, InvalidArgument as below.
absl::StatusOr<std::vector<uint64_t>> QueryFreeGpuMemory();

// What `nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits` prints: a number of MiB
// per line. InvalidArgument with what was found.
absl::StatusOr<std::vector<uint64_t>> ParseFreeGpuMemory(absl::string_view output);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_GPU_MEMORY_H_
