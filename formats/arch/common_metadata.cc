#include "formats/arch/common_metadata.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

// A key and the config.json keys its value may have, most usual first; empty names end the list.
struct Key {
  absl::string_view suffix;
  std::array<absl::string_view, 4> names;

  absl::Span<const absl::string_view> Names() const {
    size_t count = 0;
    while (count < names.size() && !names[count].empty()) ++count;
    return absl::MakeConstSpan(names.data(), count);
  }
};

constexpr Key kUintKeys[] = {
    {keys::kBlockCount, {"num_hidden_layers", "n_layers", "n_layer", "num_layers"}},
    {keys::kContextLength, {"max_position_embeddings", "n_ctx", "n_positions"}},
    {keys::kEmbeddingLength, {"hidden_size", "n_embd"}},
    {keys::kFeedForwardLength, {"intermediate_size", "n_inner"}},
    {keys::kAttentionHeadCount, {"num_attention_heads", "n_head"}},
    {keys::kAttentionHeadCountKv, {"num_key_value_heads"}},
    {keys::kAttentionKeyLength, {"head_dim"}},
    {keys::kAttentionValueLength, {"head_dim"}},
    {keys::kExpertCount, {"num_local_experts", "num_experts", "n_routed_experts"}},
    {keys::kExpertUsedCount, {"num_experts_per_tok"}},
};
constexpr Key kFloatKeys[] = {
    {keys::kAttentionLayerNormRmsEpsilon, {"rms_norm_eps"}},
    {keys::kAttentionLayerNormEpsilon, {"layer_norm_eps"}},
};

struct RopeKey {
  absl::string_view suffix;
  absl::optional<double> HfRope::*field;
};
constexpr RopeKey kRopeKeys[] = {
    {keys::kRopeFreqBase, &HfRope::theta},
    {keys::kRopeFreqBaseSwa, &HfRope::local_theta},
};
constexpr RopeKey kLinearKeys[] = {
    {keys::kRopeScalingFactor, &HfRope::factor},
};
constexpr RopeKey kYarnKeys[] = {
    {keys::kRopeScalingFactor, &HfRope::factor},
    {keys::kRopeScalingYarnBetaFast, &HfRope::beta_fast},
    {keys::kRopeScalingYarnBetaSlow, &HfRope::beta_slow},
    {keys::kRopeScalingYarnExtFactor, &HfRope::extrapolation_factor},
    {keys::kRopeScalingYarnAttnFactor, &HfRope::attention_factor},
};

// Types that are stored as such. Others ("llama3", "dynamic") leave no key.
struct ScalingType {
  absl::string_view type;
  absl::Span<const RopeKey> keys;
};
constexpr ScalingType kScalingTypes[] = {
    {"linear", kLinearKeys},
    {"yarn", kYarnKeys},
    {"longrope", {}},
};

void SetRopeNumbers(absl::string_view prefix, const HfRope& rope, absl::Span<const RopeKey> keys,
                    Metadata* metadata) {
  for (const RopeKey& key : keys) {
    const absl::optional<double>& value = rope.*key.field;
    if (!value.has_value()) continue;
    metadata->Set(ArchitectureKey(prefix, key.suffix), static_cast<float>(*value));
  }
}

absl::Status SetRope(absl::string_view prefix, const HfConfig& config, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  SetRopeNumbers(prefix, rope, kRopeKeys, metadata);
  for (const ScalingType& scaling : kScalingTypes) {
    if (scaling.type != rope.type) continue;
    metadata->Set(ArchitectureKey(prefix, keys::kRopeScalingType), scaling.type);
    SetRopeNumbers(prefix, rope, scaling.keys, metadata);
  }
  if (rope.type == "yarn" && rope.original_context.has_value()) {
    const double length = *rope.original_context;
    if (!(length >= 1 && length < 4294967296.0) || length != static_cast<uint32_t>(length)) {
      return absl::InvalidArgumentError(
          absl::StrCat(config.file_name(), ": original_max_position_embeddings is ", length,
                       ", expected a whole number from 1 to 2^32 - 1; correct it in the file."));
    }
    metadata->Set(ArchitectureKey(prefix, keys::kRopeScalingOriginalContextLength),
                  static_cast<uint32_t>(length));
  }
  return absl::OkStatus();
}

absl::Status SetAll(absl::string_view prefix, const HfConfig& config, Metadata* metadata) {
  for (const Key& key : kUintKeys) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> value, config.FindUint(key.Names()));
    if (!value.has_value()) continue;
    metadata->Set(ArchitectureKey(prefix, key.suffix), static_cast<uint32_t>(*value));
  }
  for (const Key& key : kFloatKeys) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> value, config.FindNumber(key.Names()));
    if (!value.has_value()) continue;
    metadata->Set(ArchitectureKey(prefix, key.suffix), static_cast<float>(*value));
  }
  return SetRope(prefix, config, metadata);
}

}  // namespace

absl::Status SetCommonMetadata(absl::string_view prefix, const HfConfig& config,
                               absl::Span<const absl::string_view> omitted, Metadata* metadata) {
  Metadata common;
  GGUF_RETURN_IF_ERROR(SetAll(prefix, config, &common));
  for (const auto& [key, value] : common.entries()) {
    const bool is_omitted =
        std::any_of(omitted.begin(), omitted.end(), [&key = key, prefix](absl::string_view suffix) {
          return key == ArchitectureKey(prefix, suffix);
        });
    if (!is_omitted) metadata->Set(key, value);
  }
  return absl::OkStatus();
}

}  // namespace gguf
