// Tensor rules that families share, by the names of the training library.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_TENSORS_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_TENSORS_H_

#include <array>

#include "formats/arch/arch.h"

namespace gguf::common_tensors {

using S = ModelSizes;

inline constexpr TensorRule kEmbedding[] = {
    {.source = "model.embed_tokens",
     .target = "token_embd",
     .rows = &S::vocab,
     .columns = &S::hidden},
};

inline constexpr TensorRule kOutput[] = {
    {.source = "lm_head",
     .target = "output",
     .rows = &S::vocab,
     .columns = &S::hidden,
     .presence = Presence::kRequiredUnlessTied},
};

// A norm before attention and one before the feed-forward part.
inline constexpr TensorRule kNorms[] = {
    {.source = "model.norm", .target = "output_norm", .rows = &S::hidden},
    {.source = "model.layers.N.input_layernorm", .target = "blk.N.attn_norm", .rows = &S::hidden},
    {.source = "model.layers.N.post_attention_layernorm",
     .target = "blk.N.ffn_norm",
     .rows = &S::hidden},
};

// Queries, keys, values and their output. `is_paired`: rotary pairs, half-split in the checkpoint,
// are adjacent in the GGUF, so Q and K are reordered. The others are TensorRule::bias_key.
constexpr std::array<TensorRule, 4> AttentionRules(bool is_paired, absl::string_view input_bias_key,
                                                   absl::string_view output_bias_key) {
  return {{
      {.source = "model.layers.N.self_attn.q_proj",
       .target = "blk.N.attn_q",
       .rows = &S::query_rows,
       .columns = &S::hidden,
       .permuted_heads = is_paired ? &S::heads : nullptr,
       .bias_key = input_bias_key},
      {.source = "model.layers.N.self_attn.k_proj",
       .target = "blk.N.attn_k",
       .rows = &S::kv_rows,
       .columns = &S::hidden,
       .permuted_heads = is_paired ? &S::kv_heads : nullptr,
       .bias_key = input_bias_key},
      {.source = "model.layers.N.self_attn.v_proj",
       .target = "blk.N.attn_v",
       .rows = &S::kv_rows,
       .columns = &S::hidden,
       .bias_key = input_bias_key},
      {.source = "model.layers.N.self_attn.o_proj",
       .target = "blk.N.attn_output",
       .rows = &S::hidden,
       .columns = &S::query_rows,
       .bias_key = output_bias_key},
  }};
}
inline constexpr std::array<TensorRule, 4> kAttention =
    AttentionRules(false, "attention_bias", "attention_bias");
inline constexpr std::array<TensorRule, 4> kPairedAttention =
    AttentionRules(true, "attention_bias", "attention_bias");
inline constexpr std::array<TensorRule, 4> kUnbiasedAttention = AttentionRules(false, {}, {});
// Qwen 2 has biases where they help long contexts, and does not say so in its configuration.
inline constexpr std::array<TensorRule, 4> kBiasedAttention =
    AttentionRules(false, kBiasRequired, {});

// Norms of each head's query and key.
inline constexpr TensorRule kHeadNorms[] = {
    {.source = "model.layers.N.self_attn.q_norm",
     .target = "blk.N.attn_q_norm",
     .rows = &S::head_dim},
    {.source = "model.layers.N.self_attn.k_norm",
     .target = "blk.N.attn_k_norm",
     .rows = &S::head_dim},
};

inline constexpr TensorRule kFeedForward[] = {
    {.source = "model.layers.N.mlp.gate_proj",
     .target = "blk.N.ffn_gate",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .bias_key = "mlp_bias"},
    {.source = "model.layers.N.mlp.up_proj",
     .target = "blk.N.ffn_up",
     .rows = &S::feed_forward,
     .columns = &S::hidden,
     .bias_key = "mlp_bias"},
    {.source = "model.layers.N.mlp.down_proj",
     .target = "blk.N.ffn_down",
     .rows = &S::hidden,
     .columns = &S::feed_forward,
     .bias_key = "mlp_bias"},
};

// Experts as Qwen stores them: one by one, or (newer files) fused, gate rows before up rows.
inline constexpr TensorRule kExperts[] = {
    {.source = "model.layers.N.mlp.gate",
     .target = "blk.N.ffn_gate_inp",
     .rows = &S::experts,
     .columns = &S::hidden},
    {.source = "model.layers.N.mlp.experts.X.gate_proj",
     .target = "blk.N.ffn_gate_exps",
     .rows = &S::expert_feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts},
    {.source = "model.layers.N.mlp.experts.X.up_proj",
     .target = "blk.N.ffn_up_exps",
     .rows = &S::expert_feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts},
    {.source = "model.layers.N.mlp.experts.X.down_proj",
     .target = "blk.N.ffn_down_exps",
     .rows = &S::hidden,
     .columns = &S::expert_feed_forward,
     .matrices = &S::experts},
    {.source = "model.layers.N.mlp.fused_gate_up",
     .target = "blk.N.ffn_gate_exps",
     .rows = &S::expert_feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts,
     .choice = RowChoice::kFirstHalf,
     .presence = Presence::kAlternative},
    {.source = "model.layers.N.mlp.fused_gate_up",
     .target = "blk.N.ffn_up_exps",
     .rows = &S::expert_feed_forward,
     .columns = &S::hidden,
     .matrices = &S::experts,
     .choice = RowChoice::kSecondHalf,
     .presence = Presence::kAlternative},
    {.source = "model.layers.N.mlp.fused_down",
     .target = "blk.N.ffn_down_exps",
     .rows = &S::hidden,
     .columns = &S::expert_feed_forward,
     .matrices = &S::experts,
     .presence = Presence::kAlternative},
};
// Fused experts have no ".weight".
inline constexpr Rename kExpertRenames[] = {
    {".mlp.experts.gate_up_proj", ".mlp.fused_gate_up.weight"},
    {".mlp.experts.down_proj", ".mlp.fused_down.weight"},
};

}  // namespace gguf::common_tensors

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_TENSORS_H_
