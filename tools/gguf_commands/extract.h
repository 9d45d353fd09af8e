// `gguf extract`: one tensor as a file of its own.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EXTRACT_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EXTRACT_H_

#include <string>

#include "absl/status/status.h"
#include "tools/cli/cli.h"
#include "tools/gguf_commands/edit.h"

namespace gguf {

// Writes tensor `name` of `input` (any shard of a set) to `output`: decoded to float32 as a NumPy
// file, its shape outermost dimension first, or, with `raw`, its blocks as they are
// (little-endian). NotFound, with the name that is nearest, when there is none. Memory: a few rows.
absl::Status Extract(const std::string& input, const std::string& name, const std::string& output,
                     bool raw, const EditFlags& flags, const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EXTRACT_H_
