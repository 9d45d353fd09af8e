// evaluate kl -m MODEL --base BASE.zst: how far a model's predictions are from those of a base.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_KL_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_KL_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/cli/cli.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Runs the model on the base's tokens, with progress as `common` says. `text` names the file that
// the base must have been made of; empty: any. InvalidArgument when base, text or model do not
// belong together; else the errors of opening and running.
absl::StatusOr<gguf_toolchain::DivergenceResult> MeasureKl(const ModelOptions& model,
                                                           const std::string& base,
                                                           const std::string& text,
                                                           const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_KL_H_
