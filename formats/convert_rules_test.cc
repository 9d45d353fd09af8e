#include "formats/convert_rules.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(ConvertRules, WhatIsAlwaysF32) {
  const struct {
    const char* name;
    Shape shape;
    bool is_f32;
  } kCases[] = {
      {"token_embd.weight", {32, 8}, false},
      {"output.weight", {32, 8}, false},
      {"blk.0.attn_q.weight", {8, 8}, false},
      {"blk.0.ffn_gate_exps.weight", {4, 8, 8}, false},
      {"blk.0.ffn_gate.weight", {8, 8}, false},
      {"blk.0.attn_q.weight", {1, 8}, false},  // a dimension of 1 is a dimension
      {"blk.0.attn_q.weight.lora_a", {2, 8}, false},
      {"blk.0.attn_q.weight.lora_b", {8, 2}, false},
      {"blk.0.attn_q.weight", {8}, true},
      {"blk.0.attn_q.weight", {}, true},
      {"blk.0.attn_norm.weight", {8}, true},
      {"blk.0.attn_q_norm.weight", {2, 8}, true},
      {"blk.0.attn_q.bias", {8}, true},
      {"blk.0.ffn_gate_exps.bias", {4, 8}, true},
      {"blk.0.attn_sinks", {4, 8}, true},
      {"blk.0.ffn_gate_inp.weight", {4, 8}, true},
      {"blk.0.ffn_gate_inp_shexp.weight", {1, 8}, true},
      {"position_embd.weight", {16, 8}, true},
      {"v.position_embd.weight", {16, 8}, true},
      {"token_types.weight", {2, 8}, true},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ConvertsToF32(test.name, test.shape), test.is_f32)
        << test.name << " " << test.shape.ToString();
  }
}

}  // namespace
}  // namespace gguf
