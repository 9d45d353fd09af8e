// Gemma 2: norms before and after both parts of a layer, every other layer sliding, scores and
// logits capped.

#include <cmath>

#include "runtime/config.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kPostNorms[] = {"post_attention_norm.weight", "post_ffw_norm.weight"};

// The 27B model (46 layers) scales by the width per head, not by the head's own size.
absl::Status AdjustScale(const Metadata&, ModelConfig* config) {
  if (config->num_layers == 46) {
    config->attention_scale =
        1.0f / std::sqrt(static_cast<float>(config->embedding) / config->num_heads);
  }
  return absl::OkStatus();
}

}  // namespace

const ModelFamily kGemma2 = {
    .architecture = "gemma2",
    .models = "Gemma 2",
    .rope = RopeLayout::kHalves,
    .activation = Activation::kGeluTanh,
    .attn_post_norm = "post_attention_norm",
    .ffn_post_norm = "post_ffw_norm",
    .required = kPostNorms,
    .scales_embeddings = true,
    .window_period = 2,
    .requires_window = true,
    .adjust = AdjustScale,
};

}  // namespace gguf
