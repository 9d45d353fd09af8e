// Figures of several models of one source, side by side: text, Markdown and HTML.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_REPORT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_REPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/report/result.pb.h"

namespace gguf {

// A table with a row per model.
std::string ToText(const gguf_toolchain::QualityReport& report);

// The table, and the tensors of each model.
std::string ToMarkdown(const gguf_toolchain::QualityReport& report);

// The same as one self-contained page, for wide and narrow screens, light and dark.
std::string ToHtml(const gguf_toolchain::QualityReport& report);

// Renders by the ending of `path` (.json, .md, .html; anything else is InvalidArgument).
absl::StatusOr<std::string> RenderReport(const gguf_toolchain::QualityReport& report,
                                         absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_QUALITY_REPORT_H_
