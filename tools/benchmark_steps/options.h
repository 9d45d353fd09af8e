// The command line of `benchmark`.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_OPTIONS_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_OPTIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "tools/benchmark_steps/request.h"

namespace gguf {

struct BenchmarkFlags {
  BenchmarkRequest request;
  std::string effort = "standard";  // as typed
};

void AddBenchmarkOptions(CLI::App* app, BenchmarkFlags* flags);

// Completes flags->request. UsageError for a combination without sense, an unknown type, a report's
// name whose ending says no format.
absl::Status ParseBenchmarkFlags(const CLI::App& app, BenchmarkFlags* flags);

// Before hours of work: may every report be written? Errors of OutputFile; InvalidArgument when one
// is also an input.
absl::Status CheckReports(const BenchmarkRequest& request);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_OPTIONS_H_
