#include "formats/hf_config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<HfConfig> Parse(absl::string_view members) {
  return HfConfig::Parse("config.json", absl::StrCat(R"({"architectures": ["X"])",
                                                     members.empty() ? "" : ", ", members, "}"));
}

TEST(HfConfig, LooksUpNestedThenRootThenDefault) {
  absl::StatusOr<HfConfig> config = Parse(
      R"("model_type": "outer", "a": 1, "b": 2, "n": null,
         "text_config": {"model_type": "inner", "architectures": ["Y"], "a": 10})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->architecture(), "Y");
  EXPECT_EQ(config->model_type(), "inner");
  ASSERT_TRUE(config->SetDefaults(R"({"a": 100, "b": 200, "c": 300, "n": 400})").ok());
  EXPECT_EQ(*config->GetUint("a"), 10);
  EXPECT_EQ(*config->GetUint("b"), 2);
  EXPECT_EQ(*config->GetUint("c"), 300);
  // Null counts as present.
  EXPECT_EQ(*config->FindUint({"n"}), absl::nullopt);
  EXPECT_EQ(*config->FindUint({"none", "c"}), 300);
  EXPECT_EQ(*config->FindUint({"none"}), absl::nullopt);
}

TEST(HfConfig, ComputedDefaultsReplaceNullButNotValues) {
  absl::StatusOr<HfConfig> config =
      Parse(R"("set": 1, "null": null, "text_config": {"inner": null})");
  ASSERT_TRUE(config.ok());
  for (const char* key : {"set", "null", "inner", "absent"}) config->SetDefault(key, 7);
  EXPECT_EQ(*config->GetUint("set"), 1);
  EXPECT_EQ(*config->GetUint("null"), 7);
  EXPECT_EQ(*config->GetUint("inner"), 7);
  EXPECT_EQ(*config->GetUint("absent"), 7);
}

TEST(HfConfig, NamesWrongTypesByPath) {
  const absl::StatusOr<HfConfig> config =
      Parse(R"("f": 1.5, "s": "x", "neg": -1, "big": 4294967296, "inf": 1e300,
               "text_config": {"t": [], "ok": 4294967295})");
  ASSERT_TRUE(config.ok());
  const auto message = [&](absl::string_view key) {
    return std::string(config->GetUint(key).status().message());
  };
  EXPECT_THAT(message("f"), HasSubstr("config.json: f is 1.5, expected a whole number below 2^32"));
  EXPECT_THAT(message("s"), HasSubstr("s is the text \"x\""));
  EXPECT_THAT(message("neg"), HasSubstr("neg is -1"));
  EXPECT_THAT(message("big"), HasSubstr("big is 4294967296"));
  EXPECT_THAT(message("t"), HasSubstr("text_config.t is a list"));
  EXPECT_THAT(message("gone"), HasSubstr("config.json: has no gone"));
  EXPECT_EQ(*config->GetUint("ok"), 4294967295);
  EXPECT_FALSE(config->FindNumber({"inf"}).ok());
  EXPECT_FALSE(config->GetBoolOr("s", true).ok());
  EXPECT_EQ(*config->GetBoolOr("gone", true), true);
}

TEST(HfConfig, RefusesWhatItCannotUse) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"[]", "expected an object"},
      {"{}", "has no architectures"},
      {R"({"architectures": []})", "has no architectures"},
      {R"({"architectures": [1]})", "has no architectures"},
      {R"({"architectures": ["X"], "model_type": 1})", "model_type is 1, expected a text"},
      {R"({"architectures": ["X"], "text_config": 1})", "text_config is 1, expected an object"},
      {R"({"architectures": ["X"], "quantization_config": {"quant_method": "gptq"}})",
       "quant_method is \"gptq\""},
      {R"({"architectures": ["X"], "text_config": {"quantization_config": {"quant_method": "awq"}}})",
       "quant_method is \"awq\""},
      {R"({"architectures": ["X"], "quantization_config": {}})", "quant_method is missing"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<HfConfig> config = HfConfig::Parse("config.json", test.text);
    ASSERT_FALSE(config.ok()) << test.text;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(test.message));
  }
  EXPECT_TRUE(Parse(R"("quantization_config": null)").ok());
}

HfRope RopeOf(absl::string_view members) {
  absl::StatusOr<HfConfig> config = Parse(members);
  EXPECT_TRUE(config.ok()) << config.status();
  absl::StatusOr<HfRope> rope = config->Rope();
  EXPECT_TRUE(rope.ok()) << rope.status();
  return rope.ok() ? *rope : HfRope();
}

TEST(HfConfig, BothRotarySpellingsGiveTheSame) {
  for (const char* members : {
           R"("rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
              "low_freq_factor": 1, "high_freq_factor": 4,
              "original_max_position_embeddings": 64})",
           R"("rope_theta": 5e5, "original_max_position_embeddings": 64, "rope_parameters": null,
              "rope_scaling": {"type": "llama3", "factor": 8,
              "low_freq_factor": 1, "high_freq_factor": 4})",
           R"("rope_parameters": {"rope_type": "llama3", "rope_theta": 500000, "factor": 8.0,
              "low_freq_factor": 1, "high_freq_factor": 4,
              "original_max_position_embeddings": 64})",
           R"("rope_parameters": {"full_attention": {"rope_type": "llama3", "rope_theta": 500000,
              "factor": 8.0, "low_freq_factor": 1, "high_freq_factor": 4,
              "original_max_position_embeddings": 64}})",
       }) {
    const HfRope rope = RopeOf(members);
    EXPECT_EQ(rope.type, "llama3") << members;
    EXPECT_EQ(rope.theta, 500000.0) << members;
    EXPECT_EQ(rope.factor, 8.0) << members;
    EXPECT_EQ(rope.low_freq_factor, 1.0) << members;
    EXPECT_EQ(rope.high_freq_factor, 4.0) << members;
    EXPECT_EQ(rope.original_context, 64.0) << members;
    EXPECT_FALSE(rope.local_theta.has_value()) << members;
  }
}

TEST(HfConfig, RotaryParametersOfTwoKindsOfLayers) {
  for (const char* members : {
           R"("rope_theta": 1e6, "rope_local_base_freq": 1e4)",
           R"("rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6},
              "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})",
       }) {
    const HfRope rope = RopeOf(members);
    EXPECT_EQ(rope.type, "") << members;
    EXPECT_EQ(rope.theta, 1e6) << members;
    EXPECT_EQ(rope.local_theta, 1e4) << members;
  }
}

TEST(HfConfig, NamesWrongRotaryParameters) {
  const struct {
    const char* members;
    const char* message;
  } kCases[] = {
      {R"("rope_scaling": 1)", "rope_scaling is 1, expected an object or null"},
      {R"("rope_scaling": {"factor": "8"})", "rope_scaling.factor is the text \"8\""},
      {R"("rope_parameters": {"rope_type": 1})", "rope_parameters.rope_type is 1"},
      {R"("rope_parameters": {"full_attention": 1})", "rope_parameters.full_attention is 1"},
      {R"("rope_theta": true)", "rope_theta is true"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<HfRope> rope = Parse(test.members)->Rope();
    ASSERT_FALSE(rope.ok()) << test.members;
    EXPECT_THAT(std::string(rope.status().message()), HasSubstr(test.message));
  }
}

TEST(HfConfig, TokenIdsAreWholeNumbersOnly) {
  const absl::StatusOr<HfConfig> config = Parse(
      R"("bos_token_id": 1, "eos_token_id": [1, 106], "pad_token_id": null,
         "text_config": {"bos_token_id": 9, "pad_token_id": 3})");
  EXPECT_EQ(config->TokenId("bos_token_id"), 1);
  EXPECT_EQ(config->TokenId("eos_token_id"), absl::nullopt);
  EXPECT_EQ(config->TokenId("pad_token_id"), 3);
}

}  // namespace
}  // namespace gguf
