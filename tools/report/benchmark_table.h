// The figures of a benchmark as rows of text, and which models are worth their size: what every
// form of the report shows.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_TABLE_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_TABLE_H_

#include <string>
#include <vector>

#include "tools/report/result.pb.h"

namespace gguf {

struct BenchmarkTable {
  std::vector<std::string> header;             // the first is "model"
  std::vector<std::vector<std::string>> rows;  // one per model; "" where there is no figure
};

// Columns without any figure are left out.
BenchmarkTable QualityTable(const gguf_toolchain::BenchmarkResult& result);
BenchmarkTable SpeedTable(const gguf_toolchain::BenchmarkResult& result);

// By what models are compared: their divergence from the base, if all but that have one; else their
// perplexity.
bool ComparesDivergence(const gguf_toolchain::BenchmarkResult& result);

// Its value, lower being better, and standard error. Of the base without perplexity 0.
double QualityOf(const gguf_toolchain::BenchmarkModel& model, bool by_divergence);
double QualityErrorOf(const gguf_toolchain::BenchmarkModel& model, bool by_divergence);
double PerplexityOf(const gguf_toolchain::BenchmarkModel& model);

// Per model the index of one that is no larger and no worse, and better in one of the two; -1:
// there is none, it is on the Pareto front. By divergence, the base stands outside: -1, and beats
// none.
std::vector<int> BeatenBy(const gguf_toolchain::BenchmarkResult& result);

// The front in words: "Worth their size: Q8_0, Q4_K_M. Beaten by one that is no larger: Q4_0 (by
// Q4_K_S)." Empty when there is nothing to compare.
std::string FrontInWords(const gguf_toolchain::BenchmarkResult& result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_BENCHMARK_TABLE_H_
