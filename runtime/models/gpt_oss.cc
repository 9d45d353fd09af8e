// gpt-oss: every other layer sliding, a learned sink per head in the softmax, experts with biases.

#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kRequired[] = {
    "attn_sinks.weight", "attn_q.bias",         "attn_k.bias",       "attn_v.bias",
    "attn_output.bias",  "ffn_gate_inp.weight", "ffn_gate_inp.bias", "ffn_gate_exps.bias",
    "ffn_up_exps.bias",  "ffn_down_exps.bias"};

}  // namespace

const ModelFamily kGptOss = {
    .architecture = "gpt-oss",
    .models = "gpt-oss",
    .rope = RopeLayout::kHalves,
    .activation = Activation::kClampedSwiglu,
    .expert_weights = ExpertWeights::kSelectedSoftmax,
    .ffn_norm = "post_attention_norm",  // the name is historical
    .required = kRequired,
    .window_period = 2,
    .requires_window = true,
    .has_sinks = true,
};

}  // namespace gguf
