// Qwen 2 and 2.5: biases on queries, keys and values.

#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kBiases[] = {"attn_q.bias", "attn_k.bias", "attn_v.bias"};

}  // namespace

const ModelFamily kQwen2 = {
    .architecture = "qwen2",
    .models = "Qwen2, Qwen2.5",
    .rope = RopeLayout::kHalves,
    .required = kBiases,
};

// Experts beside one that every token uses, weighted by a gate of its own.
const ModelFamily kQwen2Moe = {
    .architecture = "qwen2moe",
    .models = "Qwen1.5-MoE, Qwen2-MoE",
    .rope = RopeLayout::kHalves,
    .expert_weights = ExpertWeights::kSoftmax,
    .required = kBiases,
};

}  // namespace gguf
