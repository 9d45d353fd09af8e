// Measures several models, or one model in several types, side by side.

#include "tools/benchmark_steps/benchmark.h"

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gguf/base/status_macros.h"
#include "tools/benchmark_steps/options.h"
#include "tools/benchmark_steps/read_result.h"
#include "tools/benchmark_steps/text_file.h"
#include "tools/cli/cli.h"
#include "tools/cli/waiting_threads.h"
#include "tools/evaluate_commands/program.h"
#include "tools/report/benchmark_report.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Measures models side by side: size, speed, memory, perplexity, divergence from a base, "
    "multiple\nchoice, error of each matrix. Each is run in a process of its own; speeds are "
    "medians.\n"
    "Example: benchmark --models f16.gguf,q8.gguf,q4.gguf -f text.txt -o report.html\n"
    "         benchmark --model f16.gguf --types Q8_0,Q4_K_M,IQ3_M --imatrix i.gguf -f text.txt "
    "-o report.html";

absl::Status Benchmark(const CLI::App& app, BenchmarkFlags* flags) {
  GGUF_RETURN_IF_ERROR(ParseBenchmarkFlags(app, flags));
  const BenchmarkRequest& request = flags->request;
  GGUF_RETURN_IF_ERROR(CheckReports(request));
  GGUF_ASSIGN_OR_RETURN(
      const gguf_toolchain::BenchmarkResult result,
      request.from.empty() ? RunBenchmark(request) : ReadBenchmarkResult(request.from));
  PrintWarnings({result.warnings().begin(), result.warnings().end()}, request.common);
  for (const std::string& report : request.reports) {
    GGUF_ASSIGN_OR_RETURN(const std::string text, RenderBenchmark(result, report));
    GGUF_RETURN_IF_ERROR(WriteTextFile(report, text, request.force || request.resume));
  }
  if (request.common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }
  return request.common.quiet ? absl::OkStatus() : PrintResult(BenchmarkText(result));
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  if (argc > 1 && absl::string_view(argv[1]) == gguf::kChildCommand) {
    return gguf::RunEvaluate(argc - 1, argv + 1);
  }
  CLI::App app(gguf::kHelp, "benchmark");
  gguf::BenchmarkFlags flags;
  gguf::AddBenchmarkOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.request.common,
                       [&] { return gguf::Benchmark(app, &flags); });
}
