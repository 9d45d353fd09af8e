#include "formats/arch/bert.h"

#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 30522, "hidden_size": 768, "intermediate_size": 3072,
    "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 512,
    "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0})";
constexpr ModelClass kClasses[] = {
    {"BertModel", "bert", kDefaults},
    {"BertForMaskedLM", "bert", kDefaults},
};

constexpr TensorRule kEmbeddings[] = {
    {.source = "embeddings.word_embeddings",
     .target = "token_embd",
     .rows = &S::vocab,
     .columns = &S::hidden},
    {.source = "embeddings.position_embeddings",
     .target = "position_embd",
     .rows = &S::positions,
     .columns = &S::hidden},
    {.source = "embeddings.token_type_embeddings",
     .target = "token_types",
     .rows = &S::token_types,
     .columns = &S::hidden},
    {.source = "embeddings.LayerNorm",
     .target = "token_embd_norm",
     .rows = &S::hidden,
     .bias_key = kBiasRequired},
};
constexpr TensorRule kLayers[] = {
    {.source = "encoder.layers.N.attention.self.query",
     .target = "blk.N.attn_q",
     .rows = &S::hidden,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.attention.self.key",
     .target = "blk.N.attn_k",
     .rows = &S::hidden,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.attention.self.value",
     .target = "blk.N.attn_v",
     .rows = &S::hidden,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.attention.output.dense",
     .target = "blk.N.attn_output",
     .rows = &S::hidden,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.attention.output.LayerNorm",
     .target = "blk.N.attn_output_norm",
     .rows = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.intermediate.dense",
     .target = "blk.N.ffn_up",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.output.dense",
     .target = "blk.N.ffn_down",
     .rows = &S::hidden,
     .columns = &S::feed_forward,
     .bias_key = kBiasRequired},
    {.source = "encoder.layers.N.output.LayerNorm",
     .target = "blk.N.layer_output_norm",
     .rows = &S::hidden,
     .bias_key = kBiasRequired},
};
constexpr absl::Span<const TensorRule> kTensors[] = {kEmbeddings, kLayers};

constexpr Rename kRenames[] = {
    {"encoder.layer.", "encoder.layers."},
    {"bert.embeddings.", "embeddings.", /*is_optional=*/true},
    {"bert.encoder.", "encoder.", true},
    {".LayerNorm.gamma", ".LayerNorm.weight", true},
    {".LayerNorm.beta", ".LayerNorm.bias", true},
};
// Heads for training tasks, and what can be computed.
constexpr absl::string_view kDropped[] = {
    "embeddings.position_ids", "pooler.", "bert.pooler.", "cls.predictions", "cls.seq_relationship",
};
// Every head has its own key and value.
constexpr absl::string_view kOmitted[] = {keys::kAttentionHeadCountKv};
constexpr absl::string_view kActivations[] = {"gelu"};
constexpr ConfigCheck kConfigChecks[] = {
    {"position_embedding_type", "\"absolute\""},
    {"is_decoder", "false"},
    {"add_cross_attention", "false"},
};

absl::Status CompleteConfig(const ModelClass&, HfConfig* config) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t heads, config->GetUint("num_attention_heads"));
  config->SetDefault("num_key_value_heads", heads);
  return absl::OkStatus();
}

absl::Status SetMetadata(const HfConfig&, const ModelSizes&, Metadata* metadata) {
  metadata->Set(ArchitectureKey(kBertFamily.name, keys::kAttentionCausal), false);
  return absl::OkStatus();
}

absl::Status AdjustTokenizer(const HfConfig& config, const Json&, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t types, config.GetUint("type_vocab_size"));
  metadata->Set(keys::kTokenizerTokenTypeCount, static_cast<uint32_t>(types));
  return absl::OkStatus();
}

}  // namespace

constexpr Family kBertFamily = {.name = "bert",
                                .classes = kClasses,
                                .tensors = kTensors,
                                .renames = kRenames,
                                .dropped = kDropped,
                                .omitted_keys = kOmitted,
                                .config_checks = kConfigChecks,
                                .activations = kActivations,
                                .complete_config = CompleteConfig,
                                .set_metadata = SetMetadata,
                                .adjust_tokenizer = AdjustTokenizer};

}  // namespace gguf
