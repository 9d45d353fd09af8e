// Gemma 3, text part: as Gemma 2 without caps, with head norms, five sliding layers to a full one,
// and a rotary base of their own for the sliding ones.

#include <cmath>

#include "runtime/config.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kNorms[] = {"post_attention_norm.weight", "post_ffw_norm.weight",
                                        "attn_q_norm.weight", "attn_k_norm.weight"};

// The 27B model (62 layers) scales by the width per head, not by the head's own size.
absl::Status AdjustScale(const Metadata&, ModelConfig* config) {
  if (config->num_layers == 62) {
    config->attention_scale =
        1.0f / std::sqrt(static_cast<float>(config->embedding) / config->num_heads);
  }
  return absl::OkStatus();
}

}  // namespace

const ModelFamily kGemma3 = {
    .architecture = "gemma3",
    .models = "Gemma 3",
    .rope = RopeLayout::kHalves,
    .activation = Activation::kGeluTanh,
    .attn_post_norm = "post_attention_norm",
    .ffn_post_norm = "post_ffw_norm",
    .required = kNorms,
    .scales_embeddings = true,
    .window_period = 6,
    .has_unscaled_sliding_rope = true,
    .adjust = AdjustScale,
};

}  // namespace gguf
