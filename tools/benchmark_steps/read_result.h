// A result that an earlier run printed or wrote as JSON.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_READ_RESULT_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_READ_RESULT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Fields that are not known are skipped. Errors of reading; InvalidArgument when it is no result of
// `benchmark`, or of another schema.
absl::StatusOr<gguf_toolchain::BenchmarkResult> ReadBenchmarkResult(absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_READ_RESULT_H_
