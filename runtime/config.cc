#include "runtime/config.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "runtime/bounded_keys.h"

namespace gguf {
namespace {

constexpr double kTiny = 1e-30;  // smallest positive value of a divisor

absl::Status ReadSizes(const BoundedKeys& keys, ModelConfig* c) {
  GGUF_ASSIGN_OR_RETURN(c->num_layers, keys.Uint(keys::kBlockCount, 1, kMaxLayers));
  GGUF_ASSIGN_OR_RETURN(c->embedding, keys.Uint(keys::kEmbeddingLength, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c->context_length, keys.Uint(keys::kContextLength, 1, kMaxContext));
  GGUF_ASSIGN_OR_RETURN(c->feed_forward, keys.UintOr(keys::kFeedForwardLength, 0, kMaxWidth, 0));
  GGUF_ASSIGN_OR_RETURN(c->num_heads, keys.Uint(keys::kAttentionHeadCount, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c->num_kv_heads,
                        keys.UintOr(keys::kAttentionHeadCountKv, 1, kMaxWidth, c->num_heads));
  if (c->num_heads % c->num_kv_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", keys.Full(keys::kAttentionHeadCountKv), " is ", c->num_kv_heads,
                     ", expected a divisor of the ", c->num_heads, " heads"));
  }
  const bool has_key_length = keys.Has(keys::kAttentionKeyLength);
  if (!has_key_length && c->embedding % c->num_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", keys.Full(keys::kAttentionHeadCount), " is ", c->num_heads,
                     ", expected a divisor of the embedding length ", c->embedding,
                     ", for want of ", keys.Full(keys::kAttentionKeyLength)));
  }
  const uint32_t per_head = c->embedding / c->num_heads;
  GGUF_ASSIGN_OR_RETURN(c->key_length,
                        keys.UintOr(keys::kAttentionKeyLength, 1, kMaxWidth, per_head));
  GGUF_ASSIGN_OR_RETURN(c->value_length,
                        keys.UintOr(keys::kAttentionValueLength, 1, kMaxWidth, c->key_length));
  if (uint64_t{c->num_heads} * std::max(c->key_length, c->value_length) > kMaxWidth) {
    return absl::InvalidArgumentError(absl::StrCat("keys ", keys.Full(keys::kAttentionHeadCount),
                                                   " and ", keys.Full(keys::kAttentionKeyLength),
                                                   " are ", c->num_heads, " and ", c->key_length,
                                                   ", expected a product of at most ", kMaxWidth));
  }
  c->attention_scale = 1.0f / std::sqrt(static_cast<float>(c->key_length));
  return absl::OkStatus();
}

absl::Status ReadExperts(const BoundedKeys& keys, ModelConfig* c) {
  GGUF_ASSIGN_OR_RETURN(c->num_experts, keys.UintOr(keys::kExpertCount, 0, kMaxExperts, 0));
  if (c->num_experts == 0) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(c->num_experts_used, keys.Uint(keys::kExpertUsedCount, 1, c->num_experts));
  GGUF_ASSIGN_OR_RETURN(c->expert_feed_forward,
                        keys.UintOr(keys::kExpertFeedForwardLength, 1, kMaxWidth, c->feed_forward));
  GGUF_ASSIGN_OR_RETURN(c->shared_feed_forward,
                        keys.UintOr(keys::kExpertSharedFeedForwardLength, 0, kMaxWidth, 0));
  return absl::OkStatus();
}

absl::Status ReadRopeScaling(const Metadata& metadata, const BoundedKeys& keys, RopeConfig* rope) {
  GGUF_ASSIGN_OR_RETURN(const std::string type,
                        metadata.GetStringOr(keys.Full(keys::kRopeScalingType), "none"));
  if (type == "linear") {
    rope->scaling = RopeScaling::kLinear;
  } else if (type == "yarn") {
    rope->scaling = RopeScaling::kYarn;
  } else if (type != "none" && type != "longrope") {
    return absl::UnimplementedError(absl::StrCat("key ", keys.Full(keys::kRopeScalingType), " is '",
                                                 type,
                                                 "', expected none, linear, yarn or longrope"));
  }
  GGUF_ASSIGN_OR_RETURN(rope->factor, keys.PositiveOr(keys::kRopeScalingFactor, 1.0f));
  GGUF_ASSIGN_OR_RETURN(rope->beta_fast, keys.FloatOr(keys::kRopeScalingYarnBetaFast, kTiny, 32));
  GGUF_ASSIGN_OR_RETURN(rope->beta_slow, keys.FloatOr(keys::kRopeScalingYarnBetaSlow, kTiny, 1));
  GGUF_ASSIGN_OR_RETURN(rope->extrapolation, keys.FloatOr(keys::kRopeScalingYarnExtFactor, 0.0, 1));
  GGUF_ASSIGN_OR_RETURN(const float attn, keys.FloatOr(keys::kRopeScalingAttnFactor, 0.0, 1));
  GGUF_ASSIGN_OR_RETURN(const float yarn, keys.FloatOr(keys::kRopeScalingYarnAttnFactor, 0.0, 1));
  rope->magnitude = attn * yarn;
  if (rope->scaling == RopeScaling::kYarn && rope->extrapolation > 0.0f) {
    rope->magnitude *= 0.1f * std::log(rope->factor) + 1.0f;
  }
  return absl::OkStatus();
}

absl::Status ReadRope(const Metadata& metadata, const BoundedKeys& keys, ModelConfig* c) {
  RopeConfig& rope = c->rope;
  if (c->family->rope == RopeLayout::kNone) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(rope.dims,
                        keys.UintOr(keys::kRopeDimensionCount, 2, c->key_length, c->key_length));
  if (rope.dims % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("key ", keys.Full(keys::kRopeDimensionCount),
                                                   " is ", rope.dims, ", expected an even number"));
  }
  GGUF_ASSIGN_OR_RETURN(rope.base, keys.FloatOr(keys::kRopeFreqBase, 1.0, 10000.0f));
  const float sliding = c->family->has_unscaled_sliding_rope ? 10000.0f : rope.base;
  GGUF_ASSIGN_OR_RETURN(rope.sliding_base, keys.FloatOr(keys::kRopeFreqBaseSwa, 1.0, sliding));
  GGUF_ASSIGN_OR_RETURN(rope.original_context, keys.UintOr(keys::kRopeScalingOriginalContextLength,
                                                           1, kMaxContext, c->context_length));
  return ReadRopeScaling(metadata, keys, &rope);
}

absl::Status ReadWindows(const Metadata& metadata, const BoundedKeys& keys, ModelConfig* c) {
  c->windows.assign(c->num_layers, 0);
  uint32_t period = c->family->window_period;
  if (period == 0) return absl::OkStatus();
  if (c->family->requires_window) {
    GGUF_RETURN_IF_ERROR(keys.Uint(keys::kAttentionSlidingWindow, 1, kMaxContext).status());
  }
  GGUF_ASSIGN_OR_RETURN(const uint32_t window,
                        keys.UintOr(keys::kAttentionSlidingWindow, 0, kMaxContext, 0));
  if (window == 0) return absl::OkStatus();
  const std::string pattern_key = keys.Full(keys::kAttentionSlidingWindowPattern);
  const Value* pattern = metadata.Find(pattern_key);
  if (pattern != nullptr && pattern->type() == ValueType::kArray) {
    const auto* flags = std::get_if<Bools>(&std::get<Array>(pattern->data).elements);
    if (flags == nullptr || flags->values.size() != c->num_layers) {
      return absl::InvalidArgumentError(absl::StrCat(
          "key ", pattern_key, " is ", pattern->ToString(),
          ", expected a period, or a boolean for each of the ", c->num_layers, " layers"));
    }
    for (uint32_t i = 0; i < c->num_layers; ++i) c->windows[i] = flags->values[i] ? window : 0;
    return absl::OkStatus();
  }
  GGUF_ASSIGN_OR_RETURN(period,
                        keys.UintOr(keys::kAttentionSlidingWindowPattern, 1, kMaxLayers, period));
  for (uint32_t i = 0; i < c->num_layers; ++i) c->windows[i] = (i + 1) % period != 0 ? window : 0;
  return absl::OkStatus();
}

absl::Status ReadScalars(const BoundedKeys& keys, ModelConfig* c) {
  const keys::Key epsilon = c->family->is_encoder ? keys::kAttentionLayerNormEpsilon
                                                  : keys::kAttentionLayerNormRmsEpsilon;
  if (!keys.Has(epsilon)) {
    return absl::NotFoundError(
        absl::StrCat("key ", keys.Full(epsilon), " is missing, expected a float"));
  }
  GGUF_ASSIGN_OR_RETURN(c->norm_epsilon, keys.FloatOr(epsilon, 0.0, 0.0f));
  GGUF_ASSIGN_OR_RETURN(c->attention_scale,
                        keys.PositiveOr(keys::kAttentionScale, c->attention_scale));
  GGUF_ASSIGN_OR_RETURN(c->attention_cap, keys.FloatOr(keys::kAttnLogitSoftcapping, 0.0, 0.0f));
  GGUF_ASSIGN_OR_RETURN(c->logit_cap, keys.FloatOr(keys::kFinalLogitSoftcapping, 0.0, 0.0f));
  GGUF_ASSIGN_OR_RETURN(c->pooling, keys.UintOr(keys::kPoolingType, 0, 4, 0));
  if (c->family->scales_embeddings) {
    c->embedding_scale = std::sqrt(static_cast<float>(c->embedding));
  }
  if (c->family->has_scales) {
    GGUF_ASSIGN_OR_RETURN(c->embedding_scale, keys.PositiveOr(keys::kEmbeddingScale, 1.0f));
    GGUF_ASSIGN_OR_RETURN(c->residual_scale, keys.PositiveOr(keys::kResidualScale, 1.0f));
    GGUF_ASSIGN_OR_RETURN(c->logit_divisor, keys.PositiveOr(keys::kLogitScale, 1.0f));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelConfig> ReadModelConfig(const Metadata& given) {
  GGUF_ASSIGN_OR_RETURN(const absl::string_view architecture,
                        given.GetString(keys::kGeneralArchitecture));
  ModelConfig config;
  config.family = FindModelFamily(architecture);
  if (config.family == nullptr) {
    return absl::UnimplementedError(absl::StrCat("key ", keys::kGeneralArchitecture, " is ",
                                                 Value(architecture).ToString(),
                                                 ", expected one of ", ModelFamilyNames()));
  }
  Metadata translated;
  if (config.family->translate != nullptr) translated = config.family->translate(given);
  const Metadata& metadata = config.family->translate != nullptr ? translated : given;
  const BoundedKeys keys(metadata, architecture);
  GGUF_RETURN_IF_ERROR(ReadSizes(keys, &config));
  GGUF_RETURN_IF_ERROR(ReadExperts(keys, &config));
  GGUF_RETURN_IF_ERROR(ReadRope(metadata, keys, &config));
  GGUF_RETURN_IF_ERROR(ReadWindows(metadata, keys, &config));
  GGUF_RETURN_IF_ERROR(ReadScalars(keys, &config));
  if (config.family->adjust != nullptr) {
    GGUF_RETURN_IF_ERROR(config.family->adjust(metadata, &config));
  }
  return config;
}

}  // namespace gguf
