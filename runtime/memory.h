// How much memory a run needs, and whether the machine has it.

#ifndef GGUF_TOOLCHAIN_RUNTIME_MEMORY_H_
#define GGUF_TOOLCHAIN_RUNTIME_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gguf {

struct MemoryNeed {
  uint64_t weights = 0;
  uint64_t cache = 0;
  uint64_t buffers = 0;

  uint64_t total() const { return weights + cache + buffers; }
};

// Bytes a process can use before the system starts to suffer: the system's MemAvailable, or what
// its control group leaves when that is less. 2^64 - 1 when neither is known.
uint64_t AvailableMemory();

// ResourceExhausted with what is needed, by part, and what is available.
absl::Status CheckMemory(absl::string_view path, const MemoryNeed& need, uint64_t available);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_MEMORY_H_
