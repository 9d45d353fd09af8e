// The one place that knows OpenMP.

#ifndef GGUF_TOOLCHAIN_GGUF_BASE_PARALLEL_H_
#define GGUF_TOOLCHAIN_GGUF_BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace gguf {

// Processors this process may run on (its affinity mask), at least 1.
int AvailableThreads();

// Calls body(index, thread) once for every index in [0, count), spread over `threads` threads
// (at least 1; thread in [0, threads)), each thread taking the next index when it is free.
//
// Stops handing out indices after the first failure and returns the failure with the lowest index
// among those that ran. Results must not depend on which thread runs an index; `thread` is for
// picking a scratch buffer.
absl::Status ParallelFor(uint64_t count, int threads,
                         absl::FunctionRef<absl::Status(uint64_t index, int thread)> body);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_BASE_PARALLEL_H_
