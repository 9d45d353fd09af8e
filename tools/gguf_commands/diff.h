// `gguf diff`: what differs between two models.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DIFF_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DIFF_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Each path is a GGUF file, any shard of a split set, or a checkpoint folder.
absl::StatusOr<gguf_toolchain::DiffResult> Diff(const std::string& a, const std::string& b,
                                                const CommonOptions& common);

// A line per key and tensor that differs, then the verdict.
std::string DiffText(const gguf_toolchain::DiffResult& result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_DIFF_H_
