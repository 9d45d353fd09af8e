// What distinguishes one model family from another, as data: a family is one row (its file) over
// the shared forward pass (runtime/forward.h).
//
// To add a family: a file beside this one that defines its row, and the row's entry in families.cc.

#ifndef GGUF_TOOLCHAIN_RUNTIME_MODELS_FAMILY_H_
#define GGUF_TOOLCHAIN_RUNTIME_MODELS_FAMILY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "runtime/ops/activation.h"
#include "runtime/ops/rope.h"

namespace gguf {

struct ModelConfig;

// Weights of the selected experts, from the router's logits.
enum class ExpertWeights {
  kSoftmax,            // softmax over all experts
  kNormalisedSoftmax,  // likewise, then divided by the sum over the selected
  kSelectedSoftmax,    // softmax over the selected only
};

struct ModelFamily {
  absl::string_view architecture;  // general.architecture
  absl::string_view models;        // for people: "Llama, Mistral, Mixtral"

  RopeLayout rope = RopeLayout::kPairs;
  Activation activation = Activation::kSilu;
  ExpertWeights expert_weights = ExpertWeights::kSoftmax;

  // Norms before attention and feed-forward, below blk.N; empty when there are none.
  absl::string_view attn_norm = "attn_norm", ffn_norm = "ffn_norm";
  // Norms of what they add to the residual (encoders: of the sum); empty when there are none.
  absl::string_view attn_post_norm = {}, ffn_post_norm = {};
  bool norms_whole_rows = false;  // attn_q_norm, attn_k_norm: all heads together, not each
  // Further tensors below blk.N that every layer must have ("attn_q_norm.weight").
  absl::Span<const absl::string_view> required = {};
  // Prefixes of tensors that may stand in the same file and belong to another part ("v.": a vision
  // tower).
  absl::Span<const absl::string_view> other_parts = {};

  bool scales_embeddings = false;  // by the square root of the embedding length
  bool has_scales = false;         // embedding_scale, residual_scale and logit_scale are keys
  uint32_t window_period = 0;      // layer i slides unless (i + 1) % period == 0; 0: none do
  bool requires_window = false;    // attention.sliding_window must be given
  bool has_unscaled_sliding_rope = false;  // sliding layers: base freq_base_swa, no scaling
  bool has_sinks = false;                  // a learned logit per head in the softmax (attn_sinks)
  bool is_encoder = false;  // post-norm with LayerNorm, learned positions, both directions

  // The hyperparameters under the names that this runtime reads, of files that may have others (and
  // leave out what their own program knows); may be null.
  Metadata (*translate)(const Metadata& metadata) = nullptr;

  // What no field above says; may be null.
  absl::Status (*adjust)(const Metadata& metadata, ModelConfig* config) = nullptr;
};

// All families, in order of name.
absl::Span<const ModelFamily* const> AllModelFamilies();

// Null when the runtime does not know `architecture`.
const ModelFamily* FindModelFamily(absl::string_view architecture);

// "bert, gemma2, ...".
std::string ModelFamilyNames();

extern const ModelFamily kBert;
extern const ModelFamily kGemma2;
extern const ModelFamily kGemma3;
extern const ModelFamily kGptOss;
extern const ModelFamily kGranite;
extern const ModelFamily kLlama;
extern const ModelFamily kOlmo2;
extern const ModelFamily kPhi3;
extern const ModelFamily kQwen2;
extern const ModelFamily kQwen2Moe;
extern const ModelFamily kQwen2Vl;
extern const ModelFamily kQwen3;
extern const ModelFamily kQwen3Moe;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_MODELS_FAMILY_H_
