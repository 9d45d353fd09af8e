// Results as text, JSON, Markdown and HTML.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_RENDER_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_RENDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "tools/report/result.pb.h"

namespace gguf {

inline constexpr int kSchemaVersion = 1;

// Protobuf's JSON form with snake_case names and all fields, zeros included.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);

// A summary for a terminal: one line per output, with its error when verified.
std::string ToText(const gguf_toolchain::WriteResult& result);

std::string ToMarkdown(const gguf_toolchain::WriteResult& result);

// One self-contained page: totals, types, a row per tensor.
std::string ToHtml(const gguf_toolchain::WriteResult& result);

// Renders by the ending of `path` (.json, .md, .html; anything else is InvalidArgument).
absl::StatusOr<std::string> RenderReport(const gguf_toolchain::WriteResult& result,
                                         absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_RENDER_H_
