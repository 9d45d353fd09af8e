#include "runtime/weights.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/tensor_finder.h"

namespace gguf {
namespace {

bool IsOtherPart(const ModelFamily& family, absl::string_view name) {
  return std::any_of(family.other_parts.begin(), family.other_parts.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

absl::Status FindAttention(const std::string& layer, const ModelConfig& c, TensorFinder* finder,
                           LayerWeights* w) {
  const size_t q = c.query_width(), k = c.key_width(), v = c.value_width(), e = c.embedding;
  GGUF_ASSIGN_OR_RETURN(w->qkv, finder->OptionalLinear(layer + "attn_qkv", q + k + v, e));
  if (!w->qkv) {
    GGUF_ASSIGN_OR_RETURN(w->q, finder->RequiredLinear(layer + "attn_q", q, e));
    GGUF_ASSIGN_OR_RETURN(w->k, finder->RequiredLinear(layer + "attn_k", k, e));
    GGUF_ASSIGN_OR_RETURN(w->v, finder->RequiredLinear(layer + "attn_v", v, e));
  }
  GGUF_ASSIGN_OR_RETURN(w->output, finder->RequiredLinear(layer + "attn_output", e,
                                                          c.num_heads * size_t{c.value_length}));
  const bool whole = c.family->norms_whole_rows;
  GGUF_ASSIGN_OR_RETURN(w->q_norm,
                        finder->OptionalNorm(layer + "attn_q_norm", whole ? q : c.key_length));
  GGUF_ASSIGN_OR_RETURN(w->k_norm,
                        finder->OptionalNorm(layer + "attn_k_norm", whole ? k : c.key_length));
  GGUF_ASSIGN_OR_RETURN(w->sinks, finder->Values(layer + "attn_sinks.weight", {c.num_heads}));
  return absl::OkStatus();
}

absl::Status FindExperts(const std::string& layer, const ModelConfig& c, TensorFinder* finder,
                         LayerWeights* w) {
  const size_t e = c.embedding, f = c.expert_feed_forward, s = c.shared_feed_forward;
  const size_t n = c.num_experts;
  GGUF_ASSIGN_OR_RETURN(w->router, finder->RequiredLinear(layer + "ffn_gate_inp", n, e));
  GGUF_ASSIGN_OR_RETURN(w->expert_gate, finder->RequiredLinear(layer + "ffn_gate_exps", f, e, n));
  GGUF_ASSIGN_OR_RETURN(w->expert_up, finder->RequiredLinear(layer + "ffn_up_exps", f, e, n));
  GGUF_ASSIGN_OR_RETURN(w->expert_down, finder->RequiredLinear(layer + "ffn_down_exps", e, f, n));
  if (s == 0) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(w->shared_router,
                        finder->RequiredLinear(layer + "ffn_gate_inp_shexp", 1, e));
  GGUF_ASSIGN_OR_RETURN(w->shared_gate, finder->RequiredLinear(layer + "ffn_gate_shexp", s, e));
  GGUF_ASSIGN_OR_RETURN(w->shared_up, finder->RequiredLinear(layer + "ffn_up_shexp", s, e));
  GGUF_ASSIGN_OR_RETURN(w->shared_down, finder->RequiredLinear(layer + "ffn_down_shexp", e, s));
  return absl::OkStatus();
}

absl::Status FindFeedForward(const std::string& layer, const ModelConfig& c, TensorFinder* finder,
                             LayerWeights* w) {
  if (c.num_experts > 0) return FindExperts(layer, c, finder, w);
  const size_t e = c.embedding, f = c.feed_forward;
  if (c.activation_has_gate()) {
    GGUF_ASSIGN_OR_RETURN(w->gate, finder->OptionalLinear(layer + "ffn_gate", f, e));
  }
  const bool is_fused = c.activation_has_gate() && !w->gate;
  GGUF_ASSIGN_OR_RETURN(w->up, finder->RequiredLinear(layer + "ffn_up", is_fused ? 2 * f : f, e));
  GGUF_ASSIGN_OR_RETURN(w->down, finder->RequiredLinear(layer + "ffn_down", e, f));
  return absl::OkStatus();
}

absl::Status FindLayer(const Model& model, uint32_t index, TensorFinder* finder, LayerWeights* w) {
  const ModelConfig& c = model.config();
  const ModelFamily& family = *c.family;
  const std::string layer = absl::StrCat("blk.", index, ".");
  const std::string path = model.path();
  for (const absl::string_view name : family.required) {
    if (model.Find(absl::StrCat(layer, name)) != nullptr) continue;
    return absl::NotFoundError(absl::StrCat(path, ": tensor ", layer, name,
                                            " is missing, which every layer of a ",
                                            family.architecture, " model has"));
  }
  const auto norm = [&](absl::string_view name) -> absl::StatusOr<Norm> {
    if (name.empty()) return Norm();
    return finder->RequiredNorm(absl::StrCat(layer, name), c.embedding, family.is_encoder);
  };
  GGUF_ASSIGN_OR_RETURN(w->attn_norm, norm(family.attn_norm));
  GGUF_ASSIGN_OR_RETURN(w->attn_post_norm, norm(family.attn_post_norm));
  GGUF_ASSIGN_OR_RETURN(w->ffn_norm, norm(family.ffn_norm));
  GGUF_ASSIGN_OR_RETURN(w->ffn_post_norm, norm(family.ffn_post_norm));
  GGUF_RETURN_IF_ERROR(FindAttention(layer, c, finder, w));
  return FindFeedForward(layer, c, finder, w);
}

absl::Status FindRopeFactors(const ModelConfig& c, TensorFinder* finder, ModelWeights* w) {
  const size_t pairs = c.rope.dims / 2;
  GGUF_ASSIGN_OR_RETURN(w->rope_factors, finder->Values("rope_freqs.weight", {pairs}));
  GGUF_ASSIGN_OR_RETURN(w->rope_factors_short,
                        finder->Values("rope_factors_short.weight", {pairs}));
  GGUF_ASSIGN_OR_RETURN(w->rope_factors_long, finder->Values("rope_factors_long.weight", {pairs}));
  if (w->rope_factors_short.empty() != w->rope_factors_long.empty()) {
    return finder->Missing(
        w->rope_factors_short.empty() ? "rope_factors_short.weight" : "rope_factors_long.weight",
        {pairs});
  }
  return absl::OkStatus();
}

absl::Status FindEncoderParts(const ModelConfig& c, TensorFinder* finder, ModelWeights* w) {
  const size_t e = c.embedding;
  GGUF_ASSIGN_OR_RETURN(w->embedding_norm, finder->RequiredNorm("token_embd_norm", e, true));
  GGUF_ASSIGN_OR_RETURN(w->positions,
                        finder->Values("position_embd.weight", {c.context_length, e}));
  if (w->positions.empty()) {
    return finder->Missing("position_embd.weight", {c.context_length, e});
  }
  return absl::OkStatus();
}

}  // namespace

WeightMatrix Linear::matrix(size_t expert) const {
  const size_t bytes = tensor->data.size() / num_experts;
  return {tensor->type, tensor->data.data() + expert * bytes, rows, columns};
}

absl::StatusOr<ModelWeights> FindWeights(const Model& model) {
  const ModelConfig& c = model.config();
  TensorFinder finder(model);
  ModelWeights w;
  const TensorView* embedding = model.Find("token_embd.weight");
  if (embedding == nullptr) return finder.Missing("token_embd.weight", {0, c.embedding});
  const size_t vocabulary = embedding->shape.rows();
  GGUF_ASSIGN_OR_RETURN(w.embedding, finder.RequiredLinear("token_embd", vocabulary, c.embedding));
  if (c.family->is_encoder) {
    GGUF_RETURN_IF_ERROR(FindEncoderParts(c, &finder, &w));
    if (const TensorView* types = model.Find("token_types.weight")) {
      GGUF_ASSIGN_OR_RETURN(
          w.token_type, finder.Values("token_types.weight", {types->shape.rows(), c.embedding}));
    }
  } else {
    GGUF_ASSIGN_OR_RETURN(w.output_norm, finder.RequiredNorm("output_norm", c.embedding, false));
    GGUF_ASSIGN_OR_RETURN(w.output, finder.OptionalLinear("output", vocabulary, c.embedding));
    if (!w.output) w.output = w.embedding;
    GGUF_RETURN_IF_ERROR(FindRopeFactors(c, &finder, &w));
  }
  w.layers.resize(c.num_layers);
  for (uint32_t i = 0; i < c.num_layers; ++i) {
    GGUF_RETURN_IF_ERROR(FindLayer(model, i, &finder, &w.layers[i]));
  }
  GGUF_RETURN_IF_ERROR(
      finder.CheckAllUsed(absl::StrCat("a ", c.family->architecture, " model"),
                          [&](absl::string_view name) { return IsOtherPart(*c.family, name); }));
  return w;
}

}  // namespace gguf
