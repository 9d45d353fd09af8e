#include "formats/arch/olmo2.h"

#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false})";
constexpr ModelClass kClasses[] = {{"Olmo2ForCausalLM", "olmo2", kDefaults}};

constexpr TensorRule kNorms[] = {
    {.source = "model.norm", .target = "output_norm", .rows = &S::hidden},
    {.source = "model.layers.N.post_attention_layernorm",
     .target = "blk.N.post_attention_norm",
     .rows = &S::hidden},
    {.source = "model.layers.N.post_feedforward_layernorm",
     .target = "blk.N.post_ffw_norm",
     .rows = &S::hidden},
    {.source = "model.layers.N.self_attn.q_norm",
     .target = "blk.N.attn_q_norm",
     .rows = &S::query_rows},
    {.source = "model.layers.N.self_attn.k_norm",
     .target = "blk.N.attn_k_norm",
     .rows = &S::kv_rows},
};
constexpr absl::Span<const TensorRule> kTensors[] = {ct::kEmbedding, ct::kOutput, kNorms,
                                                     ct::kUnbiasedAttention, ct::kFeedForward};

constexpr absl::string_view kRopeTypes[] = {"linear", "yarn"};
constexpr absl::string_view kActivations[] = {"silu"};

absl::Status CompleteConfig(const ModelClass&, HfConfig* config) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t heads, config->GetUint("num_attention_heads"));
  config->SetDefault("num_key_value_heads", heads);
  return absl::OkStatus();
}

}  // namespace

constexpr Family kOlmo2Family = {.name = "olmo2",
                                 .classes = kClasses,
                                 .tensors = kTensors,
                                 .rope_types = kRopeTypes,
                                 .activations = kActivations,
                                 .complete_config = CompleteConfig};

}  // namespace gguf
