#include "formats/arch/llama.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<HfConfig> Config(absl::string_view architecture, absl::string_view model_type,
                                absl::string_view more) {
  return HfConfig::Parse(
      "config.json", absl::StrCat(R"({"architectures": [")", architecture, R"("], "model_type": ")",
                                  model_type, "\"", more.empty() ? "" : ", ", more, "}"));
}

// "block_count=32 ..." of all keys, or the error.
std::string Keys(absl::string_view architecture, absl::string_view model_type,
                 absl::string_view more) {
  absl::StatusOr<HfConfig> config = Config(architecture, model_type, more);
  if (!config.ok()) return std::string(config.status().message());
  const absl::StatusOr<const Family*> family = ResolveFamily(&*config);
  if (!family.ok()) return std::string(family.status().message());
  const absl::StatusOr<ModelSizes> sizes = ReadModelSizes(*config);
  if (!sizes.ok()) return std::string(sizes.status().message());
  Metadata metadata;
  const absl::Status status = SetFamilyMetadata(**family, *config, *sizes, &metadata);
  if (!status.ok()) return std::string(status.message());
  std::string text;
  for (const auto& [key, value] : metadata.entries()) {
    EXPECT_EQ(key.substr(0, 6), "llama.");
    absl::StrAppend(&text, text.empty() ? "" : " ", key.substr(6), "=", value.ToString());
  }
  return text;
}

TEST(Llama, EveryOmittedKeyHasItsDefault) {
  EXPECT_EQ(Keys("LlamaForCausalLM", "llama", ""),
            "block_count=32 context_length=2048 embedding_length=4096 feed_forward_length=11008 "
            "attention.head_count=32 attention.head_count_kv=32 attention.key_length=128 "
            "attention.value_length=128 attention.layer_norm_rms_epsilon=1e-06 "
            "rope.freq_base=10000 vocab_size=32000 rope.dimension_count=128");
  // Mistral does not say how long a head is, unless its file does; nor is the window stored.
  EXPECT_EQ(Keys("MistralForCausalLM", "mistral", ""),
            "block_count=32 context_length=131072 embedding_length=4096 feed_forward_length=14336 "
            "attention.head_count=32 attention.head_count_kv=8 "
            "attention.layer_norm_rms_epsilon=1e-06 rope.freq_base=10000 vocab_size=32000 "
            "rope.dimension_count=128");
  EXPECT_THAT(Keys("MistralForCausalLM", "mistral", R"("head_dim": 160)"),
              HasSubstr("key_length=160"));
}

TEST(Llama, ComputedDefaultsReplaceNull) {
  const std::string keys = Keys("LlamaForCausalLM", "llama",
                                R"("hidden_size": 64, "num_attention_heads": 8,
                                   "num_key_value_heads": null, "head_dim": null)");
  EXPECT_THAT(keys, HasSubstr("attention.head_count_kv=8 attention.key_length=8"));
}

TEST(Llama, RopeScaling) {
  const auto keys = [](absl::string_view scaling) {
    return Keys("LlamaForCausalLM", "llama", absl::StrCat("\"rope_scaling\": ", scaling));
  };
  EXPECT_THAT(keys(R"({"type": "linear", "factor": 4})"),
              HasSubstr("rope.scaling.type=\"linear\" rope.scaling.factor=4 vocab"));
  EXPECT_THAT(keys(R"({"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 4096,
                       "beta_fast": 32, "beta_slow": 1, "extrapolation_factor": 1,
                       "attn_factor": 0.5})"),
              HasSubstr("rope.scaling.type=\"yarn\" rope.scaling.factor=8 "
                        "rope.scaling.yarn_beta_fast=32 rope.scaling.yarn_beta_slow=1 "
                        "rope.scaling.yarn_ext_factor=1 rope.scaling.yarn_attn_factor=0.5 "
                        "rope.scaling.original_context_length=4096"));
  for (const char* none : {"null", R"({"type": "default"})", R"({"type": "dynamic", "factor": 2})",
                           R"({"rope_type": "llama3", "factor": 8})"}) {
    EXPECT_THAT(keys(none), ::testing::Not(HasSubstr("rope.scaling"))) << none;
  }
  EXPECT_THAT(keys(R"({"type": "longrope"})"),
              HasSubstr("the rope type \"longrope\" is not supported for LlamaForCausalLM; "
                        "supported are default, linear, dynamic, yarn, llama3"));
  EXPECT_THAT(keys(R"({"type": "yarn", "factor": 2, "original_max_position_embeddings": 0.5})"),
              HasSubstr("original_max_position_embeddings is 0.5"));
}

TEST(Llama, RefusesSizesThatDoNotFit) {
  const struct {
    const char* more;
    const char* message;
  } kCases[] = {
      {R"("num_attention_heads": 0)", "num_attention_heads is 0"},
      {R"("num_key_value_heads": 5)", "num_attention_heads is 32, which num_key_value_heads 5"},
      {R"("head_dim": 3)", "the size of a head is 3, expected an even number"},
      {R"("head_dim": 0)", "the size of a head is 0"},
      {R"("hidden_size": 100)", "hidden_size is 100, which num_attention_heads 32 does not divide"},
      {R"("vocab_size": null)", "has no vocab_size"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(Keys("LlamaForCausalLM", "llama", test.more), HasSubstr(test.message));
  }
  EXPECT_THAT(Keys("MambaForCausalLM", "mamba", ""),
              HasSubstr("the architecture MambaForCausalLM is not supported; supported are "
                        "LlamaForCausalLM, MistralForCausalLM, LlavaForConditionalGeneration, "
                        "MixtralForCausalLM"));
  EXPECT_THAT(Keys("LlamaForCausalLM", "odd", ""),
              HasSubstr("there is no default for model_type \"odd\""));
}

TEST(Llama, FrequencyFactorsHaveTheirDefaults) {
  const auto factors = [](absl::string_view scaling) {
    absl::StatusOr<HfConfig> config =
        Config("LlamaForCausalLM", "llama", absl::StrCat("\"rope_scaling\": ", scaling));
    const Family* family = *ResolveFamily(&*config);
    return family->generate_tensors(*config, *ReadModelSizes(*config));
  };
  EXPECT_TRUE(factors("null")->empty());
  const auto defaults = factors(R"({"type": "llama3"})");
  const auto spelled = factors(R"({"type": "llama3", "factor": 8, "low_freq_factor": 1,
      "high_freq_factor": 4, "original_max_position_embeddings": 8192})");
  ASSERT_EQ(defaults->size(), 1);
  EXPECT_EQ((*defaults)[0].shape, Shape({64}));
  EXPECT_EQ((*defaults)[0].values, (*spelled)[0].values);
  EXPECT_EQ((*defaults)[0].values.front(), 1.0f);
  EXPECT_EQ((*defaults)[0].values.back(), 8.0f);
  for (const char* bad :
       {R"({"type": "llama3", "factor": 0})", R"({"type": "llama3", "low_freq_factor": 4})",
        R"({"type": "llama3", "original_max_position_embeddings": -1})"}) {
    EXPECT_FALSE(factors(bad).ok()) << bad;
  }
}

TEST(Llama, AdjustsTheTokenizerOfSomeVocabularies) {
  const auto adjusted = [](uint64_t vocab_size, absl::string_view tokenizer_config) {
    const absl::StatusOr<HfConfig> config =
        Config("LlamaForCausalLM", "llama", absl::StrCat("\"vocab_size\": ", vocab_size));
    Metadata metadata;
    EXPECT_TRUE(
        kLlamaFamily.adjust_tokenizer(*config, *ParseJson("t", tokenizer_config), &metadata).ok());
    std::string text;
    for (const auto& [key, value] : metadata.entries()) {
      absl::StrAppend(&text, key, "=", value.ToString(), " ");
    }
    return text;
  };
  EXPECT_EQ(adjusted(32000, "{}"), "");
  EXPECT_EQ(adjusted(32000, R"({"add_prefix_space": null})"), "");
  EXPECT_EQ(adjusted(32000, R"({"add_prefix_space": false})"),
            "tokenizer.ggml.add_space_prefix=false ");
  EXPECT_EQ(adjusted(32016, "{}"),
            "tokenizer.ggml.prefix_token_id=32007 tokenizer.ggml.suffix_token_id=32008 "
            "tokenizer.ggml.middle_token_id=32009 tokenizer.ggml.eot_token_id=32010 ");
  EXPECT_EQ(adjusted(49152, "{}"), "tokenizer.ggml.add_bos_token=false ");
}

}  // namespace
}  // namespace gguf
