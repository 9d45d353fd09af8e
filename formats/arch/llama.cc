#include "formats/arch/llama.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

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

constexpr absl::string_view kMixtralDefaults = R"({
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": null, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
    "rope_theta": 1000000.0, "num_local_experts": 8, "num_experts_per_tok": 2,
    "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": 2})";

constexpr absl::string_view kMistral = "mistral";
// LLaVA's model_type is "llava" only where that of its language model is not said.
constexpr absl::string_view kLlava = "LlavaForConditionalGeneration";
constexpr ModelClass kLlamaClasses[] = {
    {"LlamaForCausalLM", "llama", kLlamaDefaults},
    {"MistralForCausalLM", kMistral, kMistralDefaults},
    {kLlava, "llava", kLlamaDefaults},
};
constexpr ModelClass kMixtralClasses[] = {{"MixtralForCausalLM", "mixtral", kMixtralDefaults}};

constexpr absl::string_view kRopeTypes[] = {"linear", "dynamic", "yarn", "llama3"};

constexpr TensorRule kMixtralExperts[] = {
    {.source = "model.layers.N.block_sparse_moe.gate",
     .target = "blk.N.ffn_gate_inp",
     .rows = &S::experts,
     .columns = &S::hidden},
    {.source = "model.layers.N.block_sparse_moe.experts.X.w1",
     .target = "blk.N.ffn_gate_exps",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts},
    {.source = "model.layers.N.block_sparse_moe.experts.X.w3",
     .target = "blk.N.ffn_up_exps",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts},
    {.source = "model.layers.N.block_sparse_moe.experts.X.w2",
     .target = "blk.N.ffn_down_exps",
     .rows = &S::hidden,
     .columns = &S::feed_forward,
     .matrices = &S::experts},
};

constexpr absl::Span<const TensorRule> kLlamaTensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                          ct::kPairedAttention, ct::kFeedForward};
constexpr absl::Span<const TensorRule> kMixtralTensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                            ct::kPairedAttention, kMixtralExperts};

constexpr absl::string_view kActivations[] = {"silu"};

// In the llama class these follow from other keys; mistral states them.
absl::Status CompleteConfig(const ModelClass& model_class, HfConfig* config) {
  if (model_class.model_type == kMistral || model_class.model_type.empty()) {
    return absl::OkStatus();
  }
  GGUF_ASSIGN_OR_RETURN(const uint64_t heads, config->GetUint("num_attention_heads"));
  GGUF_ASSIGN_OR_RETURN(const uint64_t hidden, config->GetUint("hidden_size"));
  config->SetDefault("num_key_value_heads", heads);
  if (heads != 0 && hidden % heads == 0) config->SetDefault("head_dim", hidden / heads);
  return absl::OkStatus();
}

// LLaVA is published with other language models, too.
absl::Status CheckLanguageModel(const HfConfig& config) {
  if (config.architecture() != kLlava) return absl::OkStatus();
  for (const ModelClass& model_class : kLlamaClasses) {
    if (config.model_type().empty() || config.model_type() == model_class.model_type) {
      return absl::OkStatus();
    }
  }
  return absl::UnimplementedError(absl::StrCat(config.file_name(), ": text_config.model_type is \"",
                                               config.model_type(), "\", and of ", kLlava,
                                               " only llama and mistral are supported."));
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

absl::Status AdjustLlamaTokenizer(const HfConfig& config, const Json& tokenizer_config,
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

constexpr Family kLlamaFamily = {.name = "llama",
                                 .classes = kLlamaClasses,
                                 .tensors = kLlamaTensors,
                                 .rope_types = kRopeTypes,
                                 .activations = kActivations,
                                 .complete_config = CompleteConfig,
                                 .check_config = CheckLanguageModel,
                                 .set_metadata = SetMetadata,
                                 .adjust_tokenizer = AdjustLlamaTokenizer,
                                 .generate_tensors = GenerateTensors};
constexpr Family kMixtralFamily = {.name = "llama",
                                   .classes = kMixtralClasses,
                                   .tensors = kMixtralTensors,
                                   .rope_types = kRopeTypes,
                                   .activations = kActivations,
                                   .set_metadata = SetMetadata,
                                   .adjust_tokenizer = AdjustLlamaTokenizer,
                                   .generate_tensors = GenerateTensors};

}  // namespace gguf
