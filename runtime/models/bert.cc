// BERT encoders (MiniLM, bge, ...): hidden states and pooled embeddings, no logits.

#include "runtime/models/family.h"

namespace gguf {

const ModelFamily kBert = {
    .architecture = "bert",
    .models = "BERT sentence encoders",
    .rope = RopeLayout::kNone,
    .activation = Activation::kGeluErf,
    .attn_norm = {},
    .ffn_norm = {},
    .attn_post_norm = "attn_output_norm",
    .ffn_post_norm = "layer_output_norm",
    .is_encoder = true,
};

}  // namespace gguf
