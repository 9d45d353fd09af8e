// The one way in which programs print their results.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_PRINT_DOCUMENT_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_PRINT_DOCUMENT_H_

#include <string>

#include "absl/status/status.h"
#include "gguf/base/status_macros.h"
#include "tools/cli/cli.h"
#include "tools/report/render.h"

namespace gguf {

// One document on standard output: `result` as JSON with --json, else to_text(result), which
// --quiet leaves out.
template <typename Result, typename ToText>
absl::Status PrintDocument(const Result& result, const CommonOptions& common, ToText to_text) {
  if (common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }
  return common.quiet ? absl::OkStatus() : PrintResult(to_text(result));
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_PRINT_DOCUMENT_H_
