// Text inside HTML and Markdown.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_HTML_TEXT_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_HTML_TEXT_H_

#include <string>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace gguf {

inline std::string HtmlText(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

inline std::string MarkdownText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}, {"<", "&lt;"}});
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_HTML_TEXT_H_
