// A model's tensors by role: found, checked against the hyperparameters, small ones decoded.

#ifndef GGUF_TOOLCHAIN_RUNTIME_WEIGHTS_H_
#define GGUF_TOOLCHAIN_RUNTIME_WEIGHTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/model.h"
#include "runtime/ops/matmul.h"

namespace gguf {

// A matrix, or a stack of one per expert, with an optional bias.
struct Linear {
  const TensorView* tensor = nullptr;  // null: the layer has none
  size_t rows = 0;                     // of one expert
  size_t columns = 0;
  size_t num_experts = 1;
  std::vector<float> bias;  // [num_experts][rows], or empty

  explicit operator bool() const { return tensor != nullptr; }
  WeightMatrix matrix(size_t expert = 0) const;
  const float* bias_of(size_t expert = 0) const {
    return bias.empty() ? nullptr : bias.data() + expert * rows;
  }
};

struct Norm {
  std::vector<float> weight;  // empty: the layer has none
  std::vector<float> bias;    // LayerNorm only
};

struct LayerWeights {
  Norm attn_norm, q_norm, k_norm, attn_post_norm, ffn_norm, ffn_post_norm;
  Linear qkv;      // rows of queries, keys, values in this order; or
  Linear q, k, v;  // one each
  Linear output;
  std::vector<float> sinks;  // per head, or empty

  Linear gate, up, down;  // no gate: `up` has gate and up rows, or (encoders) there is none
  Linear router, expert_gate, expert_up, expert_down;
  Linear shared_router, shared_gate, shared_up, shared_down;
};

struct ModelWeights {
  Linear embedding;  // [vocabulary, embedding]
  Linear output;     // likewise; the embedding when the model ties them; none for encoders
  Norm embedding_norm, output_norm;
  std::vector<float> positions;     // encoders: [context_length][embedding]
  std::vector<float> token_type;    // encoders: of type 0
  std::vector<float> rope_factors;  // divide rotary frequencies; or
  std::vector<float> rope_factors_short, rope_factors_long;
  std::vector<LayerWeights> layers;

  size_t vocabulary() const { return embedding.rows; }
};

// One sentence naming tensor, found and expected when a tensor is missing, has another shape, or is
// one that the family's forward pass does not know.
absl::StatusOr<ModelWeights> FindWeights(const Model& model);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_WEIGHTS_H_
