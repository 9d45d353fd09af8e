#include "formats/arch/config_checks.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view architecture, absl::string_view model_type,
                    absl::string_view members) {
  absl::StatusOr<HfConfig> config = HfConfig::Parse(
      "config.json", absl::StrCat(R"({"architectures": [")", architecture, R"("], "model_type": ")",
                                  model_type, "\"", members.empty() ? "" : ", ", members, "}"));
  if (!config.ok()) return std::string(config.status().message());
  const absl::StatusOr<const Family*> family = ResolveFamily(&*config);
  if (!family.ok()) return std::string(family.status().message());
  const absl::Status status = CheckFamilyConfig(**family, *config);
  if (status.ok()) return "no error";
  EXPECT_THAT(std::string(status.message()), HasSubstr("config.json: "));
  return std::string(status.message());
}

constexpr struct Class {
  const char* architecture;
  const char* model_type;
} kLlama = {"LlamaForCausalLM", "llama"}, kMistral = {"MistralForCausalLM", "mistral"},
  kQwen2 = {"Qwen2ForCausalLM", "qwen2"}, kQwen3 = {"Qwen3ForCausalLM", "qwen3"},
  kQwen2Moe = {"Qwen2MoeForCausalLM", "qwen2_moe"},
  kQwen3Moe = {"Qwen3MoeForCausalLM", "qwen3_moe"}, kGemma2 = {"Gemma2ForCausalLM", "gemma2"},
  kGemma3 = {"Gemma3ForCausalLM", "gemma3_text"}, kPhi3 = {"Phi3ForCausalLM", "phi3"},
  kBert = {"BertModel", "bert"}, kOlmo2 = {"Olmo2ForCausalLM", "olmo2"};

struct Case {
  Class model;
  const char* members;
  const char* message;
};

void ExpectMessages(absl::Span<const Case> cases) {
  for (const Case& test : cases) {
    EXPECT_THAT(ErrorOf(test.model.architecture, test.model.model_type, test.members),
                HasSubstr(test.message))
        << test.model.architecture << " " << test.members;
  }
}

TEST(ConfigChecks, ScaleOfScores) {
  constexpr Case kCases[] = {
      {kGemma2, "", "no error"},
      {kGemma2, R"("query_pre_attn_scalar": 256.0)", "no error"},
      {kGemma2, R"("query_pre_attn_scalar": 224)",
       "query_pre_attn_scalar is 224, and with 26 layers only head_dim (256) is supported"},
      {kGemma3, R"("query_pre_attn_scalar": 100)", "only head_dim (256)"},
      // The 27B models.
      {kGemma2,
       R"("num_hidden_layers": 46, "hidden_size": 4608, "num_attention_heads": 32,
          "head_dim": 128, "query_pre_attn_scalar": 144)",
       "no error"},
      {kGemma2,
       R"("num_hidden_layers": 46, "hidden_size": 4608, "num_attention_heads": 32,
          "head_dim": 128, "query_pre_attn_scalar": 128)",
       "only hidden_size / num_attention_heads (144)"},
      {kGemma3,
       R"("num_hidden_layers": 62, "hidden_size": 5376, "num_attention_heads": 32,
          "head_dim": 128, "query_pre_attn_scalar": 168)",
       "no error"},
  };
  ExpectMessages(kCases);
}

TEST(ConfigChecks, Windows) {
  constexpr Case kCases[] = {
      {kQwen2, R"("use_sliding_window": false, "sliding_window": 4096)", "no error"},
      {kQwen2, R"("use_sliding_window": true, "sliding_window": null)", "no error"},
      {kQwen2, R"("use_sliding_window": true, "sliding_window": 4096, "max_window_layers": 32)",
       "no error"},
      {kQwen2, R"("use_sliding_window": true, "sliding_window": 4096, "max_window_layers": 31)",
       "use_sliding_window is true and sliding_window is 4096"},
      {kQwen3, R"("use_sliding_window": true)", "sliding_window is absent"},
      {kQwen2Moe, R"("use_sliding_window": true, "sliding_window": 9, "max_window_layers": 99)",
       "only layers without a window are supported"},
      {kQwen3Moe, R"("use_sliding_window": true, "sliding_window": 9, "norm_topk_prob": true)",
       "sliding_window is 9"},
      {kQwen3, R"("layer_types": ["full_attention", "sliding_attention"])",
       "layer_types has the text \"sliding_attention\", and for Qwen3ForCausalLM only "
       "\"full_attention\" is supported"},
      {kQwen3, R"("layer_types": ["full_attention"])", "no error"},
      {kQwen3, R"("layer_types": null)", "no error"},
  };
  ExpectMessages(kCases);
}

TEST(ConfigChecks, NumbersThatARuntimeNeeds) {
  constexpr Case kCases[] = {
      {kLlama, R"("rms_norm_eps": null)", "rms_norm_eps is null, expected a number of at least 0"},
      {kLlama, R"("rms_norm_eps": -1)", "rms_norm_eps is -1"},
      {kBert, R"("layer_norm_eps": -1e-5)", "layer_norm_eps is -1e-05"},
      {kLlama, R"("max_position_embeddings": null)",
       "max_position_embeddings is null, expected a number above 0"},
      {kLlama, R"("rope_theta": -5)", "rope_theta is -5, expected a number above 0"},
      {kLlama, R"("rope_theta": null, "rope_parameters": {"rope_theta": 1e4})", "no error"},
      {kQwen3Moe, R"("num_experts": 4, "num_experts_per_tok": 5)",
       "num_experts_per_tok is 5, expected 1 to 4"},
      {kQwen3Moe, R"("num_experts": 4, "num_experts_per_tok": 0)", "num_experts_per_tok is 0"},
      {kQwen3Moe, R"("num_experts": 4, "num_experts_per_tok": 4, "norm_topk_prob": true)",
       "no error"},
      {kGemma2, R"("final_logit_softcapping": null)",
       "final_logit_softcapping is null, and Gemma 2 is supported with a number above 0 only"},
      {kGemma2, R"("attn_logit_softcapping": 0)", "attn_logit_softcapping is 0"},
  };
  ExpectMessages(kCases);
}

TEST(ConfigChecks, RotaryParameters) {
  constexpr Case kCases[] = {
      {kLlama, R"("partial_rotary_factor": 0.5)", "partial_rotary_factor is 0.5, and only 1 is"},
      {kQwen3, R"("rope_parameters": {"rope_theta": 1, "partial_rotary_factor": 0.25})",
       "partial_rotary_factor is 0.25"},
      {kLlama, R"("partial_rotary_factor": 1.0)", "no error"},
      {kPhi3, R"("partial_rotary_factor": 0.75)", "no error"},
      {kLlama, R"("rope_scaling": {"type": "linear"})",
       "the rope type is \"linear\" and its factor is missing"},
      {kQwen2, R"("rope_scaling": {"type": "yarn", "factor": 0})",
       "the rope type is \"yarn\" and its factor is 0, expected a number above 0"},
      {kOlmo2, R"("rope_scaling": {"type": "yarn", "factor": 4})", "no error"},
      {kMistral, R"("rope_scaling": {"type": "yarn", "factor": 4, "mscale": 0.7})",
       "with mscale 0.7, and it is supported only without"},
      {kQwen3, R"("rope_scaling": {"type": "yarn", "factor": 4, "mscale_all_dim": 1})",
       "with mscale_all_dim 1"},
      {kLlama, R"("rope_scaling": {"type": "dynamic", "factor": 2})", "no error"},
      {kLlama, R"("rope_scaling": {"type": "dynamic", "factor": 2, "alpha": 1000})", "alpha 1000"},
      {kLlama,
       R"("max_position_embeddings": 8192, "rope_scaling": {"type": "dynamic", "factor": 2,
          "original_max_position_embeddings": 4096})",
       "\"dynamic\" with original_max_position_embeddings 4096, and max_position_embeddings is "
       "8192"},
      {kPhi3, R"("rope_scaling": {"type": "linear", "factor": 2})",
       "the rope type \"linear\" is not supported for Phi3ForCausalLM"},
      {kGemma3,
       R"("rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6},
          "sliding_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e4}})",
       "the rope type of sliding_attention is \"linear\", and only default"},
      {kGemma3,
       R"("rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8},
          "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})",
       "no error"},
      {kGemma3, R"("rope_parameters": {"full_attention": {}, "sliding_attention": 1})",
       "rope_parameters.sliding_attention is 1, expected an object"},
  };
  ExpectMessages(kCases);
}

TEST(ConfigChecks, OtherModels) {
  constexpr Case kCases[] = {
      {kBert, R"("position_embedding_type": "absolute", "is_decoder": false)", "no error"},
      {kBert, R"("position_embedding_type": "relative_key")",
       "position_embedding_type is the text \"relative_key\", and for BertModel only "
       "\"absolute\" is supported"},
      {kBert, R"("is_decoder": true)", "is_decoder is true"},
      {kBert, R"("add_cross_attention": true)", "add_cross_attention is true"},
      {kBert, R"("is_decoder": 0)", "is_decoder is 0"},
      {kGemma3, R"("use_bidirectional_attention": true)", "use_bidirectional_attention is true"},
      {kLlama, R"("hidden_act": "relu")", "hidden_act is the text \"relu\""},
  };
  ExpectMessages(kCases);
}

}  // namespace
}  // namespace gguf
