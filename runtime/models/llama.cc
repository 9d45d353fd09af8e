// Llama 1 to 3.x, Mistral, and with experts Mixtral. Llama 3's frequency factors come as the tensor
// rope_freqs.weight.

#include "runtime/models/family.h"

namespace gguf {

const ModelFamily kLlama = {
    .architecture = "llama",
    .models = "Llama, Mistral, Mixtral",
    .rope = RopeLayout::kPairs,
    .expert_weights = ExpertWeights::kNormalisedSoftmax,
};

}  // namespace gguf
