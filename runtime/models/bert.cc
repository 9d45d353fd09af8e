// BERT encoders (MiniLM, bge, ...): hidden states and pooled embeddings, no logits.

#include "runtime/models/family.h"

namespace gguf {

const ModelFamily kBert = {
    .architecture = "bert",
    .models = "BERT sentence encoders",
    .rope = RopeLayout::kNone,
    .activation = Activation::kGeluErf,
    .is_encoder = true,
};

}  // namespace gguf
