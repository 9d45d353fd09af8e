#include "formats/arch/granite.h"

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "formats/arch/llama.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

namespace ct = common_tensors;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
    "bos_token_id": 1, "eos_token_id": 2, "embedding_multiplier": 1.0,
    "residual_multiplier": 1.0, "attention_multiplier": 1.0, "logits_scaling": 1.0})";
constexpr ModelClass kClasses[] = {{"GraniteForCausalLM", "granite", kDefaults}};

constexpr absl::Span<const TensorRule> kTensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                     ct::kPairedAttention, ct::kFeedForward};

// A runtime takes the size of a head from the others.
constexpr absl::string_view kOmitted[] = {keys::kAttentionKeyLength, keys::kAttentionValueLength};
constexpr absl::string_view kActivations[] = {"silu"};

constexpr struct {
  absl::string_view config;
  absl::string_view key;
} kMultipliers[] = {{"attention_multiplier", keys::kAttentionScale},
                    {"embedding_multiplier", keys::kEmbeddingScale},
                    {"residual_multiplier", keys::kResidualScale},
                    {"logits_scaling", keys::kLogitScale}};

absl::Status CompleteConfig(const ModelClass&, HfConfig* config) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t heads, config->GetUint("num_attention_heads"));
  config->SetDefault("num_key_value_heads", heads);
  return absl::OkStatus();
}

absl::Status CheckConfig(const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(const ModelSizes sizes, ReadModelSizes(config));
  if (sizes.query_rows == sizes.hidden) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      config.file_name(), ": head_dim is ", sizes.head_dim, ", and a GGUF of this family can only ",
      "express hidden_size / num_attention_heads (", sizes.hidden, " / ", sizes.heads, ")."));
}

absl::Status SetMetadata(const HfConfig& config, const ModelSizes& sizes, Metadata* metadata) {
  const auto key = [](absl::string_view suffix) {
    return ArchitectureKey(kGraniteFamily.name, suffix);
  };
  metadata->Set(key(keys::kVocabSize), static_cast<uint32_t>(sizes.vocab));
  metadata->Set(key(keys::kRopeDimensionCount), static_cast<uint32_t>(sizes.head_dim));
  for (const auto& multiplier : kMultipliers) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> value,
                          config.FindNumber({multiplier.config}));
    if (!value.has_value() || *value == 0) continue;  // 0 stands for none
    metadata->Set(key(multiplier.key), static_cast<float>(*value));
  }
  return absl::OkStatus();
}

}  // namespace

constexpr Family kGraniteFamily = {.name = "granite",
                                   .classes = kClasses,
                                   .tensors = kTensors,
                                   .omitted_keys = kOmitted,
                                   .activations = kActivations,
                                   .complete_config = CompleteConfig,
                                   .check_config = CheckConfig,
                                   .set_metadata = SetMetadata,
                                   .adjust_tokenizer = AdjustLlamaTokenizer};

}  // namespace gguf
