// A model's hyperparameters, read from its metadata and checked.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CONFIG_H_
#define GGUF_TOOLCHAIN_RUNTIME_CONFIG_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "gguf/metadata.h"
#include "runtime/models/family.h"
#include "runtime/ops/rope.h"

namespace gguf {

// How many of each a model may have: beyond it a file is wrong or not ours to run.
inline constexpr uint32_t kMaxLayers = 1024;
inline constexpr uint32_t kMaxExperts = 4096;
inline constexpr uint32_t kMaxWidth = 1u << 20;  // embedding, feed-forward, heads, head size
inline constexpr uint32_t kMaxContext = (1u << 24) - 1;  // positions are exact as floats

struct ModelConfig {
  const ModelFamily* family = nullptr;
  uint32_t num_layers = 0;
  uint32_t embedding = 0;     // values per token
  uint32_t feed_forward = 0;  // 0: all layers have experts
  uint32_t num_heads = 0;
  uint32_t num_kv_heads = 0;  // divides num_heads
  uint32_t key_length = 0;    // per head
  uint32_t value_length = 0;
  uint32_t context_length = 0;  // what the model was trained for
  float norm_epsilon = 0.0f;
  float attention_scale = 0.0f;
  float attention_cap = 0.0f;  // scores become cap * tanh(score / cap); 0: none
  float logit_cap = 0.0f;      // likewise for logits
  float embedding_scale = 1.0f;
  float residual_scale = 1.0f;  // of what attention and feed-forward add
  float logit_divisor = 1.0f;   // before logit_cap
  RopeConfig rope;

  std::vector<uint32_t> windows;  // per layer: keys a token sees, itself included; 0: all

  uint32_t num_experts = 0;  // 0: dense
  uint32_t num_experts_used = 0;
  uint32_t expert_feed_forward = 0;
  uint32_t shared_feed_forward = 0;  // of the expert every token uses; 0: none

  uint32_t pooling = 0;  // encoders: 0 none, 1 mean, 2 first token, 3 last

  bool activation_has_gate() const { return family->activation != Activation::kGeluErf; }
  uint32_t group() const { return num_heads / num_kv_heads; }
  uint32_t query_width() const { return num_heads * key_length; }
  uint32_t key_width() const { return num_kv_heads * key_length; }
  uint32_t value_width() const { return num_kv_heads * value_length; }
};

// Reads `<arch>.*`. Unimplemented when the family is unknown, naming those that are known;
// otherwise one sentence with key, found and expected. Memory: a few words per layer.
absl::StatusOr<ModelConfig> ReadModelConfig(const Metadata& metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CONFIG_H_
