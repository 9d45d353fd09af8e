// Qwen 2 VL and 2.5 VL, text half: as Qwen 2. Its positions have parts for time, height and width
// (rope.dimension_sections), which for text are all the same.

#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kBiases[] = {"attn_q.bias", "attn_k.bias", "attn_v.bias"};

}  // namespace

const ModelFamily kQwen2Vl = {
    .architecture = "qwen2vl",
    .models = "Qwen2-VL, Qwen2.5-VL",
    .rope = RopeLayout::kHalves,
    .required = kBiases,
};

}  // namespace gguf
