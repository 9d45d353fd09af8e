// Measures several models side by side: speed and memory in processes of their own, run after run
// with the models taking turns, so that a machine that becomes slower is unfair to none; perplexity
// and divergence, multiple choice; error of each matrix.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_BENCHMARK_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_BENCHMARK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/benchmark_steps/request.h"
#include "tools/report/result.pb.h"

namespace gguf {

// argv[1] of a process that is to be `evaluate` (RunEvaluate of the words from there on).
inline constexpr char kChildCommand[] = "evaluate";

// Everything that `request` asks for, less what a resumed journal holds. What was measured is in
// the journal at once; an interrupted run says how to go on. Errors name the model or file.
absl::StatusOr<gguf_toolchain::BenchmarkResult> RunBenchmark(const BenchmarkRequest& request);

// Median (of an even number the mean of the middle two), least and greatest. At least one value.
gguf_toolchain::Repeated Summarize(absl::Span<const double> values);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_BENCHMARK_H_
