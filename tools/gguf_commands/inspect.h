// `gguf inspect`: what a model holds.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_INSPECT_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_INSPECT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/reader.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Everything about `model`; metadata only of keys in which the regular expression `key_pattern`
// (quantize/name_pattern.h) is found (all when empty), arrays abbreviated after `max_elements`.
// InvalidArgument for a bad pattern.
absl::StatusOr<gguf_toolchain::InspectResult> Inspect(const GgufModel& model,
                                                      const std::string& key_pattern,
                                                      size_t max_elements);

struct InspectTextOptions {
  bool tensors = false;          // one line per tensor
  size_t max_value_bytes = 100;  // longer strings end in "..."
};

// For a terminal: files, metadata, totals per type in aligned columns. Control characters of names
// and values are escaped.
std::string InspectText(const gguf_toolchain::InspectResult& result,
                        const InspectTextOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_INSPECT_H_
