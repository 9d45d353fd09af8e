// Quality against size, with the Pareto front.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_PLOT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_PLOT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "tools/report/result.pb.h"

namespace gguf {

// A point per model but for the base of a divergence, whose own is 0: size to the right,
// divergence (logarithmic) or perplexity upwards, with its standard error; the front as a line,
// points behind it hollow. Empty when there is no point.
std::string QualityPlot(const gguf_toolchain::BenchmarkResult& result, double width, double height,
                        absl::string_view style_class);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_PLOT_H_
