// Options of every program that opens a checkpoint folder.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_CHECKPOINT_OPTIONS_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_CHECKPOINT_OPTIONS_H_

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/open.h"

namespace gguf {

// Adds --model-name, --metadata and --pre.
void AddCheckpointOptions(CLI::App* app, OpenOptions* options);

// UsageError when one of them was given and `input` is a file that is no archive: a GGUF has its
// own answers.
absl::Status CheckCheckpointOptions(absl::string_view input, const OpenOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_CHECKPOINT_OPTIONS_H_
