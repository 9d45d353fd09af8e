#include "formats/arch/gemma.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

constexpr absl::string_view kGemma2Defaults = R"({
    "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": true, "sliding_window": 4096, "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 256,
    "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0})";
constexpr absl::string_view kGemma3Defaults = R"({
    "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
    "rope_local_base_freq": 10000.0, "tie_word_embeddings": true, "sliding_window": 4096,
    "query_pre_attn_scalar": 256, "attn_logit_softcapping": null, "final_logit_softcapping": null,
    "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0})";

constexpr ModelClass kGemma2Classes[] = {{"Gemma2ForCausalLM", "gemma2", kGemma2Defaults}};
constexpr ModelClass kGemma3Classes[] = {
    {"Gemma3ForCausalLM", "gemma3_text", kGemma3Defaults},
    {"Gemma3ForConditionalGeneration", "gemma3_text", kGemma3Defaults},
};

// Four norms a layer, before and after each part; all weights are used as 1 + w.
constexpr TensorRule kNorms[] = {
    {.source = "model.norm", .target = "output_norm", .rows = &S::hidden, .adds_one = true},
    {.source = "model.layers.N.input_layernorm",
     .target = "blk.N.attn_norm",
     .rows = &S::hidden,
     .adds_one = true},
    {.source = "model.layers.N.post_attention_layernorm",
     .target = "blk.N.post_attention_norm",
     .rows = &S::hidden,
     .adds_one = true},
    {.source = "model.layers.N.pre_feedforward_layernorm",
     .target = "blk.N.ffn_norm",
     .rows = &S::hidden,
     .adds_one = true},
    {.source = "model.layers.N.post_feedforward_layernorm",
     .target = "blk.N.post_ffw_norm",
     .rows = &S::hidden,
     .adds_one = true},
};

constexpr TensorRule kHeadNorms[] = {
    {.source = "model.layers.N.self_attn.q_norm",
     .target = "blk.N.attn_q_norm",
     .rows = &S::head_dim,
     .adds_one = true},
    {.source = "model.layers.N.self_attn.k_norm",
     .target = "blk.N.attn_k_norm",
     .rows = &S::head_dim,
     .adds_one = true},
};

constexpr absl::Span<const TensorRule> kGemma2Tensors[] = {ct::kEmbedding, kNorms, ct::kAttention,
                                                           ct::kFeedForward};
constexpr absl::Span<const TensorRule> kGemma3Tensors[] = {
    ct::kEmbedding, ct::kOutput, kNorms, ct::kAttention, kHeadNorms, ct::kFeedForward};

// The output matrix of Gemma 2 is the embedding; a copy of it is superfluous.
constexpr absl::string_view kGemma2Dropped[] = {"lm_head."};
// A reader of Gemma 2 knows the rotary base.
constexpr absl::string_view kGemma2Omitted[] = {keys::kRopeFreqBase};

constexpr absl::string_view kGemma3RopeTypes[] = {"linear"};
constexpr absl::string_view kActivations[] = {"gelu_pytorch_tanh"};
constexpr uint64_t kGemma2Pattern = 2;  // every second layer sees everything
constexpr uint64_t kGemma3Pattern = 6;  // every sixth
constexpr uint64_t kGemma2LayersOf27B = 46;
constexpr uint64_t kGemma3LayersOf27B = 62;
constexpr ConfigCheck kConfigChecks[] = {{"use_bidirectional_attention", "false"}};

absl::Status Unsupported(const HfConfig& config, absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(config.file_name(), ": ", what, "."));
}

// Layer i sees everything when (i + 1) % pattern is 0, as readers assume.
absl::Status CheckLayerTypes(const HfConfig& config, uint64_t pattern) {
  for (const absl::string_view key : {"sliding_window_pattern", "_sliding_window_pattern"}) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> found, config.FindUint({key}));
    if (found.has_value() && *found != pattern && *found != 1) {
      return Unsupported(config, absl::StrCat(key, " is ", *found, ", and only ", pattern,
                                              " is supported for ", config.architecture()));
    }
  }
  const Json* types = config.FindValue("layer_types");
  if (types == nullptr || types->array() == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < types->array()->size(); ++i) {
    const std::string* type = (*types->array())[i].string();
    const bool is_full = (i + 1) % pattern == 0;
    if (type != nullptr && *type == (is_full ? "full_attention" : "sliding_attention")) continue;
    return Unsupported(
        config, absl::StrCat("layer_types[", i, "] is ", (*types->array())[i].Describe(),
                             ", and for ", config.architecture(), " every layer is supported as ",
                             "sliding_attention except every ", pattern, "th as full_attention"));
  }
  return absl::OkStatus();
}

// A GGUF does not store how scores are scaled: readers take 1 / sqrt(head_dim), and in the 27B
// model, which they know by its number of layers, 1 / sqrt(hidden_size / heads).
absl::Status CheckScale(const HfConfig& config, uint64_t layers_of_27b) {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<double> found,
                        config.FindNumber({"query_pre_attn_scalar"}));
  if (!found.has_value()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const ModelSizes sizes, ReadModelSizes(config));
  const bool is_27b = sizes.layers == layers_of_27b;
  const double expected = is_27b
                              ? static_cast<double>(sizes.hidden) / static_cast<double>(sizes.heads)
                              : static_cast<double>(sizes.head_dim);
  if (*found == expected) return absl::OkStatus();
  return Unsupported(
      config,
      absl::StrCat("query_pre_attn_scalar is ", *found, ", and with ", sizes.layers,
                   " layers only ", is_27b ? "hidden_size / num_attention_heads" : "head_dim", " (",
                   expected, ") is supported: a GGUF does not store ", "it"));
}

// Readers of Gemma 2 put a cap of their own where a GGUF has none.
absl::Status CheckCaps(const HfConfig& config) {
  for (const absl::string_view key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> cap, config.FindNumber({key}));
    if (cap.value_or(0) > 0) continue;
    return Unsupported(config,
                       absl::StrCat(key, " is ", cap.has_value() ? absl::StrCat(*cap) : "null",
                                    ", and Gemma 2 is supported with a number above 0 only"));
  }
  return absl::OkStatus();
}

absl::Status CheckGemma2(const HfConfig& config) {
  GGUF_RETURN_IF_ERROR(CheckCaps(config));
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  if (rope.theta.value_or(10000.0) != 10000.0) {
    return Unsupported(config, absl::StrCat("rope_theta is ", *rope.theta,
                                            ", and readers of Gemma 2 take it for 10000"));
  }
  GGUF_RETURN_IF_ERROR(CheckScale(config, kGemma2LayersOf27B));
  return CheckLayerTypes(config, kGemma2Pattern);
}

absl::Status CheckGemma3(const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<double> cap,
                        config.FindNumber({"attn_logit_softcapping"}));
  if (cap.has_value()) {
    return Unsupported(config, absl::StrCat("attn_logit_softcapping is ", *cap,
                                            ", and Gemma 3 is supported without"));
  }
  GGUF_RETURN_IF_ERROR(CheckScale(config, kGemma3LayersOf27B));
  return CheckLayerTypes(config, kGemma3Pattern);
}

absl::Status SetWindow(absl::string_view name, const HfConfig& config, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t window, config.GetUint("sliding_window"));
  metadata->Set(ArchitectureKey(name, keys::kAttentionSlidingWindow),
                static_cast<uint32_t>(window));
  return absl::OkStatus();
}

absl::Status SetCap(absl::string_view name, absl::string_view suffix, absl::string_view key,
                    const HfConfig& config, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<double> cap, config.FindNumber({key}));
  if (cap.has_value() && *cap != 0) {
    metadata->Set(ArchitectureKey(name, suffix), static_cast<float>(*cap));
  }
  return absl::OkStatus();
}

absl::Status SetGemma2Metadata(const HfConfig& config, const ModelSizes&, Metadata* metadata) {
  const absl::string_view name = kGemma2Family.name;
  GGUF_RETURN_IF_ERROR(
      SetCap(name, keys::kAttnLogitSoftcapping, "attn_logit_softcapping", config, metadata));
  GGUF_RETURN_IF_ERROR(
      SetCap(name, keys::kFinalLogitSoftcapping, "final_logit_softcapping", config, metadata));
  return SetWindow(name, config, metadata);
}

absl::Status SetGemma3Metadata(const HfConfig& config, const ModelSizes&, Metadata* metadata) {
  const absl::string_view name = kGemma3Family.name;
  GGUF_RETURN_IF_ERROR(
      SetCap(name, keys::kFinalLogitSoftcapping, "final_logit_softcapping", config, metadata));
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> pattern,
                        config.FindUint({"sliding_window_pattern", "_sliding_window_pattern"}));
  if (pattern == uint64_t{1}) return absl::OkStatus();  // no layer has a window
  return SetWindow(name, config, metadata);
}

absl::Status AdjustTokenizer(const HfConfig&, const Json&, Metadata* metadata) {
  metadata->Set(keys::kTokenizerAddSpacePrefix, false);
  return absl::OkStatus();
}

}  // namespace

constexpr Family kGemma2Family = {.name = "gemma2",
                                  .classes = kGemma2Classes,
                                  .tensors = kGemma2Tensors,
                                  .dropped = kGemma2Dropped,
                                  .omitted_keys = kGemma2Omitted,
                                  .config_checks = kConfigChecks,
                                  .activations = kActivations,
                                  .check_config = CheckGemma2,
                                  .set_metadata = SetGemma2Metadata,
                                  .adjust_tokenizer = AdjustTokenizer};
constexpr Family kGemma3Family = {.name = "gemma3",
                                  .classes = kGemma3Classes,
                                  .tensors = kGemma3Tensors,
                                  .rope_types = kGemma3RopeTypes,
                                  .config_checks = kConfigChecks,
                                  .activations = kActivations,
                                  .check_config = CheckGemma3,
                                  .set_metadata = SetGemma3Metadata,
                                  .adjust_tokenizer = AdjustTokenizer};

}  // namespace gguf
