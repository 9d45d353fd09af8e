#include "formats/arch/qwen.h"

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

constexpr absl::string_view kQwen2Defaults = R"({
    "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": false})";
constexpr absl::string_view kQwen2MoeDefaults = R"({
    "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
    "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632,
    "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
    "num_experts": 60, "num_experts_per_tok": 4, "norm_topk_prob": false,
    "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": false})";
constexpr absl::string_view kQwen3Defaults = R"({
    "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "head_dim": 128, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "tie_word_embeddings": false})";
constexpr absl::string_view kQwen3MoeDefaults = R"({
    "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144,
    "moe_intermediate_size": 768, "num_hidden_layers": 24, "num_attention_heads": 32,
    "num_key_value_heads": 4, "num_experts": 128, "num_experts_per_tok": 8,
    "norm_topk_prob": false, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "tie_word_embeddings": false})";

constexpr ModelClass kQwen2Classes[] = {{"Qwen2ForCausalLM", "qwen2", kQwen2Defaults}};
constexpr ModelClass kQwen2MoeClasses[] = {{"Qwen2MoeForCausalLM", "qwen2_moe", kQwen2MoeDefaults}};
constexpr ModelClass kQwen3Classes[] = {{"Qwen3ForCausalLM", "qwen3", kQwen3Defaults}};
constexpr ModelClass kQwen3MoeClasses[] = {{"Qwen3MoeForCausalLM", "qwen3_moe", kQwen3MoeDefaults}};

// The expert that sees every token, and the gate that weighs it.
constexpr TensorRule kSharedExpert[] = {
    {.source = "model.layers.N.mlp.shared_expert.gate_proj",
     .target = "blk.N.ffn_gate_shexp",
     .rows = &S::shared_feed_forward,
     .columns = &S::hidden},
    {.source = "model.layers.N.mlp.shared_expert.up_proj",
     .target = "blk.N.ffn_up_shexp",
     .rows = &S::shared_feed_forward,
     .columns = &S::hidden},
    {.source = "model.layers.N.mlp.shared_expert.down_proj",
     .target = "blk.N.ffn_down_shexp",
     .rows = &S::hidden,
     .columns = &S::shared_feed_forward},
    {.source = "model.layers.N.mlp.shared_expert_gate",
     .target = "blk.N.ffn_gate_inp_shexp",
     .rows = &S::one,
     .columns = &S::hidden},
};

constexpr absl::Span<const TensorRule> kQwen2Tensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                          ct::kBiasedAttention, ct::kFeedForward};
constexpr absl::Span<const TensorRule> kQwen2MoeTensors[] = {
    ct::kEmbedding, ct::kOutput, ct::kNorms, ct::kBiasedAttention, ct::kExperts, kSharedExpert};
constexpr absl::Span<const TensorRule> kQwen3Tensors[] = {
    ct::kEmbedding, ct::kOutput, ct::kNorms, ct::kAttention, ct::kHeadNorms, ct::kFeedForward};
constexpr absl::Span<const TensorRule> kQwen3MoeTensors[] = {
    ct::kEmbedding, ct::kOutput, ct::kNorms, ct::kAttention, ct::kHeadNorms, ct::kExperts};

constexpr absl::string_view kRopeTypes[] = {"linear", "yarn", "dynamic"};
constexpr absl::string_view kActivations[] = {"silu"};

// A GGUF of these families has no window.
constexpr ConfigCheck kConfigChecks[] = {{"layer_types", "\"full_attention\""}};

// A window is used when use_sliding_window is true, unless sliding_window is null. In the dense
// models it is used from layer max_window_layers on, where no layer_types say so.
absl::Status CheckNoWindow(const HfConfig& config, bool begins_late) {
  GGUF_ASSIGN_OR_RETURN(const bool uses_window, config.GetBoolOr("use_sliding_window", false));
  const Json* window = config.FindValue("sliding_window");
  if (!uses_window || (window != nullptr && window->is_null())) return absl::OkStatus();
  if (begins_late) {
    const Json* types = config.FindValue("layer_types");
    if (types != nullptr && !types->is_null()) return absl::OkStatus();  // checked: all are full
    constexpr uint64_t kFirstWithWindow = 28;  // the training library's default
    GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> first,
                          config.FindUint({"max_window_layers"}));
    GGUF_ASSIGN_OR_RETURN(const uint64_t layers, config.GetUint("num_hidden_layers"));
    if (first.value_or(kFirstWithWindow) >= layers) return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(
      config.file_name(), ": use_sliding_window is true and sliding_window is ",
      window == nullptr ? "absent" : window->Describe(), ", and for ", config.architecture(),
      " only layers without a window are supported: a GGUF of it has none."));
}
absl::Status CheckDense(const HfConfig& config) { return CheckNoWindow(config, true); }

// A runtime takes every layer for one with experts, and normalizes the chosen experts' weights as
// the family always does.
absl::Status CheckExperts(const HfConfig& config, bool normalizes) {
  GGUF_RETURN_IF_ERROR(CheckNoWindow(config, /*begins_late=*/false));
  const auto refuse = [&](absl::string_view key, absl::string_view expected) {
    const Json* found = config.FindValue(key);
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": ", key, " is ", found == nullptr ? "absent" : found->Describe(),
        ", and a GGUF of ", config.architecture(), " can only express ", expected, "."));
  };
  GGUF_ASSIGN_OR_RETURN(const bool found, config.GetBoolOr("norm_topk_prob", normalizes));
  if (found != normalizes) return refuse("norm_topk_prob", normalizes ? "true" : "false");
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> step,
                        config.FindUint({"decoder_sparse_step"}));
  if (step.value_or(1) != 1) return refuse("decoder_sparse_step", "1");
  const Json* dense = config.FindValue("mlp_only_layers");
  if (dense != nullptr && !dense->is_null() &&
      (dense->array() == nullptr || !dense->array()->empty())) {
    return refuse("mlp_only_layers", "an empty list");
  }
  return absl::OkStatus();
}

absl::Status CheckQwen2Moe(const HfConfig& config) { return CheckExperts(config, false); }
absl::Status CheckQwen3Moe(const HfConfig& config) { return CheckExperts(config, true); }

absl::Status SetQwen2MoeMetadata(const HfConfig&, const ModelSizes& sizes, Metadata* metadata) {
  metadata->Set(ArchitectureKey(kQwen2MoeFamily.name, keys::kExpertFeedForwardLength),
                static_cast<uint32_t>(sizes.expert_feed_forward));
  metadata->Set(ArchitectureKey(kQwen2MoeFamily.name, keys::kExpertSharedFeedForwardLength),
                static_cast<uint32_t>(sizes.shared_feed_forward));
  return absl::OkStatus();
}

absl::Status SetQwen3MoeMetadata(const HfConfig&, const ModelSizes& sizes, Metadata* metadata) {
  metadata->Set(ArchitectureKey(kQwen3MoeFamily.name, keys::kExpertFeedForwardLength),
                static_cast<uint32_t>(sizes.expert_feed_forward));
  return absl::OkStatus();
}

}  // namespace

constexpr Family kQwen2Family = {.name = "qwen2",
                                 .classes = kQwen2Classes,
                                 .tensors = kQwen2Tensors,
                                 .rope_types = kRopeTypes,
                                 .config_checks = kConfigChecks,
                                 .activations = kActivations,
                                 .check_config = CheckDense};
constexpr Family kQwen2MoeFamily = {.name = "qwen2moe",
                                    .classes = kQwen2MoeClasses,
                                    .tensors = kQwen2MoeTensors,
                                    .renames = ct::kExpertRenames,
                                    .rope_types = kRopeTypes,
                                    .config_checks = kConfigChecks,
                                    .activations = kActivations,
                                    .check_config = CheckQwen2Moe,
                                    .set_metadata = SetQwen2MoeMetadata};
constexpr Family kQwen3Family = {.name = "qwen3",
                                 .classes = kQwen3Classes,
                                 .tensors = kQwen3Tensors,
                                 .rope_types = kRopeTypes,
                                 .config_checks = kConfigChecks,
                                 .activations = kActivations,
                                 .check_config = CheckDense};
constexpr Family kQwen3MoeFamily = {.name = "qwen3moe",
                                    .classes = kQwen3MoeClasses,
                                    .tensors = kQwen3MoeTensors,
                                    .renames = ct::kExpertRenames,
                                    .rope_types = kRopeTypes,
                                    .config_checks = kConfigChecks,
                                    .activations = kActivations,
                                    .check_config = CheckQwen3Moe,
                                    .set_metadata = SetQwen3MoeMetadata};

}  // namespace gguf
