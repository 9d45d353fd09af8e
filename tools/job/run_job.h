// quantize --job FILE: a job from its file to its artifacts.

#ifndef GGUF_TOOLCHAIN_TOOLS_JOB_RUN_JOB_H_
#define GGUF_TOOLCHAIN_TOOLS_JOB_RUN_JOB_H_

#include <string>

#include "absl/status/status.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"

namespace gguf {

// Makes everything the file asks for and prints the result. FoundDifferences, after a line for each
// on standard error, when outputs miss their limits; otherwise errors of ReadJobFile, PlanJob,
// WriteOutputs and of running models.
absl::Status RunJob(const std::string& path, const WriteCommandOptions& options,
                    const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_JOB_RUN_JOB_H_
