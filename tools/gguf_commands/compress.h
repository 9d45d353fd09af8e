// `gguf compress` and `decompress`: the same file, smaller, still read by all programs.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMPRESS_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMPRESS_H_

#include <string>

#include "absl/status/status.h"
#include "tools/cli/cli.h"
#include "tools/gguf_commands/edit.h"

namespace gguf {

// `output` empty: `input` with ".zst" behind it. InvalidArgument when `input` is no GGUF, is
// compressed already, or is the output.
absl::Status Compress(const std::string& input, const std::string& output, int level,
                      const EditFlags& flags, const CommonOptions& common);

// `output` empty: `input` without ".zst".
absl::Status Decompress(const std::string& input, const std::string& output, const EditFlags& flags,
                        const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMPRESS_H_
