// Text written as a file that appears when it is complete.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TEXT_FILE_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TEXT_FILE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gguf {

// Errors of OutputFile.
absl::Status WriteTextFile(absl::string_view path, absl::string_view text, bool replace);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TEXT_FILE_H_
