// Bars with their values.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_BAR_PLOT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_BAR_PLOT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

struct Bar {
  std::string name;
  double value;        // at least 0
  double least, most;  // of several runs, drawn as a line when they differ
  std::string text;    // the value as it is written behind the bar
};

// Horizontal bars from 0, one below the other, under a heading.
std::string BarPlot(absl::string_view heading, const std::vector<Bar>& bars,
                    absl::string_view bar_class);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_BAR_PLOT_H_
