#include "formats/arch/phi3.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = ModelSizes;
namespace ct = common_tensors;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "max_position_embeddings": 4096, "original_max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "sliding_window": null,
    "partial_rotary_factor": 1.0, "tie_word_embeddings": false,
    "bos_token_id": 1, "eos_token_id": 32000, "pad_token_id": 32000})";
constexpr ModelClass kClasses[] = {{"Phi3ForCausalLM", "phi3", kDefaults}};

// Q, K and V stay one matrix, and so do gate and up.
constexpr TensorRule kFused[] = {
    {.source = "model.layers.N.self_attn.qkv_proj",
     .target = "blk.N.attn_qkv",
     .rows = &S::qkv_rows,
     .columns = &S::hidden},
    {.source = "model.layers.N.self_attn.o_proj",
     .target = "blk.N.attn_output",
     .rows = &S::hidden,
     .columns = &S::query_rows},
    {.source = "model.layers.N.mlp.gate_up_proj",
     .target = "blk.N.ffn_up",
     .rows = &S::twice_feed_forward,
     .columns = &S::hidden},
    {.source = "model.layers.N.mlp.down_proj",
     .target = "blk.N.ffn_down",
     .rows = &S::hidden,
     .columns = &S::feed_forward},
};
constexpr absl::Span<const TensorRule> kTensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                     kFused};

// A reader takes the head size from the rotary one, and the scaling from its factor tensors.
constexpr absl::string_view kOmitted[] = {keys::kAttentionKeyLength, keys::kAttentionValueLength,
                                          keys::kRopeScalingType};
constexpr absl::string_view kRopeTypes[] = {"longrope", "su"};
constexpr absl::string_view kActivations[] = {"silu"};

absl::StatusOr<uint64_t> RotaryDims(const HfConfig& config, const ModelSizes& sizes) {
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  const double part = rope.partial_rotary_factor.value_or(1.0);
  const auto dims =
      static_cast<uint64_t>(std::max(0.0, part * static_cast<double>(sizes.hidden))) / sizes.heads;
  if (part > 0 && part <= 1 && dims >= 2 && dims % 2 == 0) return dims;
  return absl::InvalidArgumentError(absl::StrCat(
      config.file_name(), ": partial_rotary_factor is ", part,
      ", expected a number above 0 and at most 1 that leaves an even number of rotary dimensions; "
      "correct it in the file."));
}

absl::Status SetMetadata(const HfConfig& config, const ModelSizes& sizes, Metadata* metadata) {
  const absl::string_view name = kPhi3Family.name;
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  const double original = rope.original_context.value_or(0);
  if (!(original >= 2 && original < 4294967296.0) || original != std::floor(original)) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.file_name(), ": original_max_position_embeddings is ", original,
                     ", expected a whole number from 2 to 2^32 - 1; correct it in the file."));
  }
  GGUF_ASSIGN_OR_RETURN(const uint64_t dims, RotaryDims(config, sizes));
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> window, config.FindUint({"sliding_window"}));
  metadata->Set(ArchitectureKey(name, keys::kRopeScalingOriginalContextLength),
                static_cast<uint32_t>(original));
  metadata->Set(ArchitectureKey(name, keys::kRopeDimensionCount), static_cast<uint32_t>(dims));
  metadata->Set(ArchitectureKey(name, keys::kAttentionSlidingWindow),
                static_cast<uint32_t>(window.value_or(0)));
  if (rope.type.empty()) return absl::OkStatus();
  // How much attention sharpens when the context is stretched (spec: LongRoPE).
  const double scale = static_cast<double>(sizes.positions) / original;
  const double factor = scale > 1 ? std::sqrt(1 + std::log(scale) / std::log(original)) : 1.0;
  metadata->Set(ArchitectureKey(name, keys::kRopeScalingAttnFactor), static_cast<float>(factor));
  return absl::OkStatus();
}

absl::StatusOr<GeneratedTensor> FactorTensor(const HfConfig& config, absl::string_view key,
                                             absl::string_view name, uint64_t count) {
  const Json* scaling = config.FindValue("rope_parameters");
  if (scaling == nullptr || scaling->is_null()) scaling = config.FindValue("rope_scaling");
  const Json::Array* factors = scaling == nullptr ? nullptr : scaling->FindArray(key);
  GeneratedTensor tensor = {std::string(name), Shape({count}), {}};
  if (factors != nullptr && factors->size() == count) {
    for (const Json& factor : *factors) {
      const absl::optional<double> value = factor.number();
      if (!value.has_value() || !(*value > 0) || !std::isfinite(static_cast<float>(*value))) break;
      tensor.values.push_back(static_cast<float>(*value));
    }
  }
  if (tensor.values.size() == count) return tensor;
  return absl::InvalidArgumentError(absl::StrCat(
      config.file_name(), ": rope_scaling.", key, " is not a list of ", count,
      " positive numbers, one for every two rotary dimensions; correct it in the file."));
}

absl::StatusOr<std::vector<GeneratedTensor>> GenerateTensors(const HfConfig& config,
                                                             const ModelSizes& sizes) {
  std::vector<GeneratedTensor> tensors;
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  if (rope.type.empty()) return tensors;
  GGUF_ASSIGN_OR_RETURN(const uint64_t dims, RotaryDims(config, sizes));
  for (const absl::string_view length : {"long", "short"}) {
    GGUF_ASSIGN_OR_RETURN(GeneratedTensor tensor,
                          FactorTensor(config, absl::StrCat(length, "_factor"),
                                       absl::StrCat("rope_factors_", length, ".weight"), dims / 2));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

constexpr Family kPhi3Family = {.name = "phi3",
                                .classes = kClasses,
                                .tensors = kTensors,
                                .omitted_keys = kOmitted,
                                .rope_types = kRopeTypes,
                                .rotates_parts = true,
                                .activations = kActivations,
                                .trusts_special_flag = true,
                                .set_metadata = SetMetadata,
                                .generate_tensors = GenerateTensors};

}  // namespace gguf
