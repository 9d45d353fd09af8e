// This program once more as another process, so that what is measured of it (memory, time) is its
// own.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CHILD_PROCESS_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CHILD_PROCESS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace gguf {

// Runs /proc/self/exe with `arguments` after its name and returns what it printed on standard
// output. `tick` is called several times a second while it runs. The child ends with this process.
// An exit status other than 0: FailedPrecondition with the last line of its standard error, without
// the "program: " in front; killed: Aborted, naming the signal; Cancelled once this process was
// told to end, after the child, which is told so too, has ended.
absl::StatusOr<std::string> RunSelf(const std::vector<std::string>& arguments,
                                    const std::function<void()>& tick);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CHILD_PROCESS_H_
