#include "formats/arch/llama.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;

constexpr absl::string_view kLlamaDefaults = R"({
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
    "bos_token_id": 1, "eos_token_id": 2})";
constexpr absl::string_view kMistralDefaults = R"({
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": null, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2})";

constexpr ModelClass kClasses[] = {
    {"LlamaForCausalLM", "llama", kLlamaDefaults},
    {"MistralForCausalLM", "mistral", kMistralDefaults},
};

constexpr absl::string_view kRopeTypes[] = {"linear", "dynamic", "yarn", "llama3"};

// Rotary pairs are adjacent in a GGUF and half-split in the checkpoint, so Q and K are reordered.
constexpr TensorRule kTensors[] = {
    {"model.embed_tokens", "token_embd", &S::vocab, &S::hidden},
    {"model.norm", "output_norm", &S::hidden, nullptr},
    {"lm_head", "output", &S::vocab, &S::hidden, nullptr, Presence::kRequiredUnlessTied},
    {"model.layers.N.input_layernorm", "blk.N.attn_norm", &S::hidden, nullptr},
    {"model.layers.N.self_attn.q_proj", "blk.N.attn_q", &S::query_rows, &S::hidden, &S::heads,
     Presence::kRequired, "attention_bias"},
    {"model.layers.N.self_attn.k_proj", "blk.N.attn_k", &S::kv_rows, &S::hidden, &S::kv_heads,
     Presence::kRequired, "attention_bias"},
    {"model.layers.N.self_attn.v_proj", "blk.N.attn_v", &S::kv_rows, &S::hidden, nullptr,
     Presence::kRequired, "attention_bias"},
    {"model.layers.N.self_attn.o_proj", "blk.N.attn_output", &S::hidden, &S::query_rows, nullptr,
     Presence::kRequired, "attention_bias"},
    {"model.layers.N.post_attention_layernorm", "blk.N.ffn_norm", &S::hidden, nullptr},
    {"model.layers.N.mlp.gate_proj", "blk.N.ffn_gate", &S::feed_forward, &S::hidden, nullptr,
     Presence::kRequired, "mlp_bias"},
    {"model.layers.N.mlp.up_proj", "blk.N.ffn_up", &S::feed_forward, &S::hidden, nullptr,
     Presence::kRequired, "mlp_bias"},
    {"model.layers.N.mlp.down_proj", "blk.N.ffn_down", &S::hidden, &S::feed_forward, nullptr,
     Presence::kRequired, "mlp_bias"},
};

// In the llama class these follow from other keys; mistral states them.
absl::Status CompleteConfig(const ModelClass& model_class, HfConfig* config) {
  if (model_class.model_type != "llama") return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const uint64_t heads, config->GetUint("num_attention_heads"));
  GGUF_ASSIGN_OR_RETURN(const uint64_t hidden, config->GetUint("hidden_size"));
  config->SetDefault("num_key_value_heads", heads);
  if (heads != 0 && hidden % heads == 0) config->SetDefault("head_dim", hidden / heads);
  return absl::OkStatus();
}

absl::Status SetMetadata(const HfConfig&, const ModelSizes& sizes, Metadata* metadata) {
  metadata->Set(ArchitectureKey(kLlamaFamily.name, keys::kVocabSize),
                static_cast<uint32_t>(sizes.vocab));
  metadata->Set(ArchitectureKey(kLlamaFamily.name, keys::kRopeDimensionCount),
                static_cast<uint32_t>(sizes.head_dim));
  return absl::OkStatus();
}

// CodeLlama, whose vocabulary is recognised by its size, marks the parts of an infill with these.
constexpr uint64_t kCodeLlamaVocab = 32016;
constexpr struct {
  absl::string_view key;
  uint32_t id;
} kCodeLlamaTokens[] = {
    {keys::kTokenizerPrefixTokenId, 32007},
    {keys::kTokenizerSuffixTokenId, 32008},
    {keys::kTokenizerMiddleTokenId, 32009},
    {keys::kTokenizerEotTokenId, 32010},
};
// Models with this vocabulary are trained without BOS, whatever their tokenizer files say.
constexpr uint64_t kVocabWithoutBos = 49152;

absl::Status AdjustTokenizer(const HfConfig& config, const Json& tokenizer_config,
                             Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t vocab_size, config.GetUint("vocab_size"));
  const Json* prefix = tokenizer_config.Find("add_prefix_space");
  if (prefix != nullptr && prefix->boolean() != nullptr) {
    metadata->Set(keys::kTokenizerAddSpacePrefix, *prefix->boolean());
  }
  if (vocab_size == kCodeLlamaVocab) {
    for (const auto& token : kCodeLlamaTokens) metadata->Set(token.key, token.id);
  }
  if (vocab_size == kVocabWithoutBos) metadata->Set(keys::kTokenizerAddBosToken, false);
  return absl::OkStatus();
}

// Divisors of the rotary angles, one per pair (spec: Llama 3.1). Long wavelengths are stretched by
// `factor`, short ones kept, those between interpolated. All in binary32, as in training.
std::vector<float> Llama3Factors(const HfRope& rope, uint64_t head_dim) {
  const float base = static_cast<float>(*rope.theta);
  const float factor = static_cast<float>(rope.factor.value_or(8.0));
  const float low = static_cast<float>(rope.low_freq_factor.value_or(1.0));
  const float high = static_cast<float>(rope.high_freq_factor.value_or(4.0));
  const float context = static_cast<float>(rope.original_context.value_or(8192.0));
  constexpr float kTwoPi = 6.283185307179586f;

  std::vector<float> factors;
  for (uint64_t i = 0; i < head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    const float frequency = 1.0f / std::pow(base, exponent);
    const float wavelength = kTwoPi / frequency;
    if (wavelength < context / high) {
      factors.push_back(1.0f);
    } else if (wavelength > context / low) {
      factors.push_back(factor);
    } else {
      const float smooth = (context / wavelength - low) / (high - low);
      factors.push_back(1.0f / ((1.0f - smooth) / factor + smooth));
    }
  }
  return factors;
}

absl::StatusOr<std::vector<GeneratedTensor>> GenerateTensors(const HfConfig& config,
                                                             const ModelSizes& sizes) {
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  if (rope.type != "llama3") return std::vector<GeneratedTensor>();
  const double low = rope.low_freq_factor.value_or(1.0);
  const double high = rope.high_freq_factor.value_or(4.0);
  if (!rope.theta.has_value() || !(*rope.theta > 0) || !(rope.factor.value_or(8.0) > 0) ||
      !(rope.original_context.value_or(8192.0) > 0) || !(low > 0) || !(high > low)) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.file_name(), ": the llama3 rope parameters must be positive, and high_freq_factor (",
        high, ") above low_freq_factor (", low, "); correct them in the file."));
  }
  std::vector<float> factors = Llama3Factors(rope, sizes.head_dim);
  const Shape shape = {factors.size()};
  return std::vector<GeneratedTensor>{{"rope_freqs.weight", shape, std::move(factors)}};
}

}  // namespace

constexpr Family kLlamaFamily = {
    "llama",        kClasses,    kTensors,        kRopeTypes,
    CompleteConfig, SetMetadata, AdjustTokenizer, GenerateTensors,
};

}  // namespace gguf
