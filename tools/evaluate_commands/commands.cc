#include "tools/evaluate_commands/commands.h"

namespace gguf {
namespace {

constexpr EvaluateCommandRow kCommands[] = {
    {"logits", "logits of every token of a sequence", false, MakeLogitsCommand},
};

}  // namespace

absl::Span<const EvaluateCommandRow> EvaluateCommands() { return kCommands; }

}  // namespace gguf
