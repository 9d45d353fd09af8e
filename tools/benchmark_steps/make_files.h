// Quantizes the models of a benchmark that are types.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_MAKE_FILES_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_MAKE_FILES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/benchmark_steps/candidate.h"
#include "tools/benchmark_steps/request.h"

namespace gguf {

// Writes the file of every one of `candidates` (all with a type), reading the source once. Plans,
// and so every refusal, come before any writing. Existing files are replaced when `replace`.
absl::Status MakeFiles(const BenchmarkRequest& request, absl::Span<const Candidate> candidates,
                       bool replace, std::vector<std::string>* warnings);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_MAKE_FILES_H_
