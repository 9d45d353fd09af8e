// Phi-3, 3.5 and 4-mini: fused attn_qkv and fused gate-up in ffn_up; long or short rotary factors
// after the context in use. attention.sliding_window is not applied: the models are published with
// one, and run without.

#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kRequired[] = {"attn_qkv.weight"};

}  // namespace

const ModelFamily kPhi3 = {
    .architecture = "phi3",
    .models = "Phi-3, Phi-3.5, Phi-4-mini",
    .rope = RopeLayout::kHalves,
    .required = kRequired,
};

}  // namespace gguf
