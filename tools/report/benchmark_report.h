// The result of a benchmark as text for a terminal, Markdown and a page.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_REPORT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Two tables, at most 100 columns wide; long names are shortened.
std::string BenchmarkText(const gguf_toolchain::BenchmarkResult& result);

std::string BenchmarkMarkdown(const gguf_toolchain::BenchmarkResult& result);

// One page that needs nothing else: no script, no network. Plots are SVG with a table beside each;
// narrow and wide screens, light and dark mode.
std::string BenchmarkHtml(const gguf_toolchain::BenchmarkResult& result);

// By the ending of `path` (.json, .md, .html; anything else is InvalidArgument).
absl::StatusOr<std::string> RenderBenchmark(const gguf_toolchain::BenchmarkResult& result,
                                            absl::string_view path);

// "Benchmark of KJV", and what is to be known of the measurements: pairs of name and value.
std::string BenchmarkTitle(const gguf_toolchain::BenchmarkResult& result);
std::vector<std::pair<std::string, std::string>> BenchmarkFacts(
    const gguf_toolchain::BenchmarkResult& result);

// What the columns and plots mean, for every form.
inline constexpr char kQualityNote[] =
    "Perplexity and KL divergence (nats per token, from the base) with their standard error; same "
    "top: share of tokens whose likeliest successor is the base's; error: relative RMSE of all "
    "weights, from the base.";
inline constexpr char kSpeedNote[] =
    "Medians of the runs, each in a process of its own; ± half the range. Memory is resident, "
    "mapped weights included, at its highest.";

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_REPORT_H_
