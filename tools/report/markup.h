// Text from files inside Markdown and HTML.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_MARKUP_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_MARKUP_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gguf {

// For text and for attributes in double quotes.
std::string EscapeHtml(absl::string_view text);

// For a cell of a table: it stays in its column and its line.
std::string EscapeMarkdown(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_MARKUP_H_
