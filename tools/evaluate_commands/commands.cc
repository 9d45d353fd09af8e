#include "tools/evaluate_commands/commands.h"

namespace gguf {
namespace {

constexpr EvaluateCommandRow kCommands[] = {
    {"perplexity", "how well a model predicts a text", true, MakePerplexityCommand},
    {"logits", "what a model predicts: a base for kl, or the logits of a sequence", true,
     MakeLogitsCommand},
    {"kl", "how far a model's predictions are from a base", true, MakeKlCommand},
    {"choice", "share of multiple-choice tasks answered right", true, MakeChoiceCommand},
    {"embedding", "the vector of each line of a text", true, MakeEmbeddingCommand},
    {"vision", "what a vision tower makes of images, and how far another one is from it", true,
     MakeVisionCommand},
    {"speed", "how fast a model is and what memory it takes", true, MakeSpeedCommand},
};

}  // namespace

absl::Span<const EvaluateCommandRow> EvaluateCommands() { return kCommands; }

}  // namespace gguf
