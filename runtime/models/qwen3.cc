// Qwen 3: every head of queries and keys is normalised before it turns.

#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kHeadNorms[] = {"attn_q_norm.weight", "attn_k_norm.weight"};

}  // namespace

const ModelFamily kQwen3 = {
    .architecture = "qwen3",
    .models = "Qwen3",
    .rope = RopeLayout::kHalves,
    .required = kHeadNorms,
};

const ModelFamily kQwen3Moe = {
    .architecture = "qwen3moe",
    .models = "Qwen3-MoE",
    .rope = RopeLayout::kHalves,
    .expert_weights = ExpertWeights::kNormalisedSoftmax,
    .required = kHeadNorms,
};

}  // namespace gguf
