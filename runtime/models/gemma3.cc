// Gemma 3, text part: as Gemma 2 without caps, with head norms, five sliding layers to a full one,
// and a rotary base of their own for the sliding ones. Files of Ollama hold the vision tower too,
// and name and omit keys in their own way.

#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "gguf/keys.h"
#include "runtime/config.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kNorms[] = {"post_attention_norm.weight", "post_ffw_norm.weight",
                                        "attn_q_norm.weight", "attn_k_norm.weight"};

constexpr absl::string_view kVisionParts[] = {"v.", "mm."};

// Ollama's names of rotary bases, and what its engine takes when a file says nothing.
struct TranslatedKey {
  absl::string_view theirs, ours;
  float fallback;
};
constexpr TranslatedKey kTranslated[] = {
    {"gemma3.rope.global.freq_base", "gemma3.rope.freq_base", 1e6f},
    {"gemma3.rope.local.freq_base", "gemma3.rope.freq_base_swa", 1e4f},
    {"", "gemma3.attention.layer_norm_rms_epsilon", 1e-6f},
};
constexpr absl::string_view kScalingType = "gemma3.rope.scaling.type";
// From this context on (4B and larger), layers without a window scale by kScaling.
constexpr uint64_t kScaledContext = 131072;
constexpr float kScaling = 8.0f;

// Of the keys that only files of Ollama have, the ones that all of its versions with a tower wrote.
bool IsFromOllama(const Metadata& metadata) {
  return metadata.Has("gemma3.mm.tokens_per_image") || metadata.Has(kTranslated[0].theirs) ||
         metadata.Has(kTranslated[1].theirs);
}

Metadata Translate(const Metadata& metadata) {
  Metadata result;
  for (const auto& [key, value] : metadata.entries()) {
    if (key == keys::kGeneralArchitecture || absl::StartsWith(key, "gemma3.")) {
      result.Set(key, value);
    }
  }
  for (const TranslatedKey& key : kTranslated) {
    if (result.Has(key.ours)) continue;
    const Value* theirs = result.Find(key.theirs);
    result.Set(key.ours, theirs != nullptr ? *theirs : Value(key.fallback));
  }
  if (IsFromOllama(metadata) && !result.Has(kScalingType) &&
      result.GetUintOr("gemma3.context_length", 0).value_or(0) >= kScaledContext) {
    result.Set(kScalingType, Value("linear"));
    result.Set("gemma3.rope.scaling.factor", kScaling);
  }
  return result;
}

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
    .other_parts = kVisionParts,
    .scales_embeddings = true,
    .window_period = 6,
    .has_unscaled_sliding_rope = true,
    .translate = Translate,
    .adjust = AdjustScale,
};

}  // namespace gguf
