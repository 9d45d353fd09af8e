#include "formats/arch/gpt_oss.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880,
    "num_hidden_layers": 36, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 150000.0,
    "sliding_window": 128, "num_local_experts": 128, "num_experts_per_tok": 4,
    "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
                     "original_max_position_embeddings": 4096, "truncate": false},
    "tie_word_embeddings": false, "attention_bias": true, "swiglu_limit": 7.0})";
constexpr ModelClass kClasses[] = {{"GptOssForCausalLM", "gpt_oss", kDefaults}};

// The norm before the feed-forward part has a historical name.
constexpr TensorRule kNorms[] = {
    {.source = "model.norm", .target = "output_norm", .rows = &S::hidden},
    {.source = "model.layers.N.input_layernorm", .target = "blk.N.attn_norm", .rows = &S::hidden},
    {.source = "model.layers.N.post_attention_layernorm",
     .target = "blk.N.post_attention_norm",
     .rows = &S::hidden},
    {.source = "model.layers.N.self_attn.sinks", .target = "blk.N.attn_sinks", .rows = &S::heads},
};

// Gate and up rows alternate.
constexpr TensorRule kExperts[] = {
    {.source = "model.layers.N.mlp.router",
     .target = "blk.N.ffn_gate_inp",
     .rows = &S::experts,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "model.layers.N.mlp.fused_gate_up",
     .target = "blk.N.ffn_gate_exps",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts,
     .choice = RowChoice::kEven,
     .bias_key = kBiasRequired,
     .is_mxfp4 = true},
    {.source = "model.layers.N.mlp.fused_gate_up",
     .target = "blk.N.ffn_up_exps",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts,
     .choice = RowChoice::kOdd,
     .bias_key = kBiasRequired,
     .is_mxfp4 = true},
    {.source = "model.layers.N.mlp.fused_down",
     .target = "blk.N.ffn_down_exps",
     .rows = &S::hidden,
     .columns = &S::feed_forward,
     .matrices = &S::experts,
     .bias_key = kBiasRequired,
     .is_mxfp4 = true},
};
constexpr absl::Span<const TensorRule> kTensors[] = {ct::kEmbedding, ct::kOutput, kNorms,
                                                     ct::kAttention, kExperts};

constexpr Rename kRenames[] = {
    {".self_attn.sinks", ".self_attn.sinks.weight"},
    {".mlp.experts.gate_up_proj_", ".mlp.fused_gate_up."},
    {".mlp.experts.down_proj_", ".mlp.fused_down."},
    // Saved in BF16 or F16, where nothing follows the name.
    {".mlp.experts.gate_up_proj", ".mlp.fused_gate_up.transposed"},
    {".mlp.experts.down_proj", ".mlp.fused_down.transposed"},
};

constexpr absl::string_view kRopeTypes[] = {"yarn"};
constexpr absl::string_view kActivations[] = {"silu"};
constexpr double kSwigluLimit = 7.0;

// What a runtime knows of the family without being told.
absl::Status CheckConfig(const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<double> limit, config.FindNumber({"swiglu_limit"}));
  if (limit.value_or(kSwigluLimit) != kSwigluLimit) {
    return absl::UnimplementedError(absl::StrCat(config.file_name(), ": swiglu_limit is ", *limit,
                                                 ", and only ", kSwigluLimit,
                                                 " is supported: a GGUF does not store it."));
  }
  const Json* types = config.FindValue("layer_types");
  if (types == nullptr || types->array() == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < types->array()->size(); ++i) {
    const std::string* type = (*types->array())[i].string();
    if (type != nullptr && *type == (i % 2 == 0 ? "sliding_attention" : "full_attention")) continue;
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": layer_types[", i, "] is ", (*types->array())[i].Describe(),
        ", and only sliding_attention and full_attention in turns are supported."));
  }
  return absl::OkStatus();
}

absl::Status SetMetadata(const HfConfig& config, const ModelSizes& sizes, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t window, config.GetUint("sliding_window"));
  metadata->Set(ArchitectureKey(kGptOssFamily.name, keys::kAttentionSlidingWindow),
                static_cast<uint32_t>(window));
  metadata->Set(ArchitectureKey(kGptOssFamily.name, keys::kExpertFeedForwardLength),
                static_cast<uint32_t>(sizes.feed_forward));
  return absl::OkStatus();
}

}  // namespace

constexpr Family kGptOssFamily = {.name = "gpt-oss",
                                  .classes = kClasses,
                                  .tensors = kTensors,
                                  .renames = kRenames,
                                  .rope_types = kRopeTypes,
                                  .activations = kActivations,
                                  .check_config = CheckConfig,
                                  .set_metadata = SetMetadata};

}  // namespace gguf
