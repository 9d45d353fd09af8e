#include "quantize/plan_quantize.h"

#include <string>
#include <vector>

#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"

namespace gguf {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

MemorySource Model(int layers) {
  MemorySource source;
  Metadata* metadata = source.mutable_metadata();
  metadata->Set(keys::kGeneralArchitecture, "llama");
  metadata->Set("llama.block_count", static_cast<uint32_t>(layers));
  metadata->Set("split.count", uint16_t{3});
  for (int layer = layers - 1; layer >= 0; --layer) {
    const std::string prefix = "blk." + std::to_string(layer);
    source.Add(prefix + ".ffn_down.weight", {4, 256}, std::vector<float>(1024, 0.5f));
    source.Add(prefix + ".attn_norm.weight", {256}, std::vector<float>(256, 1.0f));
    source.Add(prefix + ".attn_k.weight", {4, 48}, std::vector<float>(192, 0.5f));
  }
  source.Add("token_embd.weight", {8, 256}, std::vector<float>(2048, 0.5f));
  return source;
}

const PlannedTensor& Find(const Plan& plan, const std::string& name) {
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return plan.tensors[0];
}

absl::StatusOr<Plan> PlanOf(const TensorSource& source, const char* type,
                            const QuantizeOptions& options = QuantizeOptions(),
                            const ImportanceData* importance = nullptr) {
  return PlanQuantization(source, *ParseRecipe(type), options, importance);
}

TEST(PlanQuantizeTest, OrderTypesFallbacksAndMetadata) {
  const MemorySource source = Model(11);
  const auto plan = PlanOf(source, "Q4_K_S");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->tensors[0].name, "token_embd.weight");
  EXPECT_EQ(plan->tensors[1].name, "blk.0.attn_k.weight");
  EXPECT_EQ(plan->tensors[7].name, "blk.2.attn_k.weight");              // by number, not by digit
  EXPECT_EQ(Find(*plan, "token_embd.weight").type, TensorType::kQ6_K);  // tied
  EXPECT_EQ(Find(*plan, "blk.10.ffn_down.weight").type, TensorType::kQ4_K);
  EXPECT_EQ(Find(*plan, "blk.3.attn_norm.weight").encoder, nullptr);
  const PlannedTensor& odd = Find(*plan, "blk.3.attn_k.weight");  // 48 columns
  EXPECT_EQ(odd.type, TensorType::kF16);
  EXPECT_TRUE(odd.is_fallback);
  EXPECT_EQ(plan->num_fallbacks(), 11u);
  EXPECT_THAT(plan->warnings.back(), HasSubstr("11 of 34"));
  const std::string& head = plan->shards[0].layout.head;
  EXPECT_THAT(head, HasSubstr("general.quantization_version"));
  EXPECT_EQ(head.find("split.count"), std::string::npos);
}

// As llama-quantize; a shared expert's gate has one.
TEST(PlanQuantizeTest, LeavesOutOuterDimensionsOfOne) {
  MemorySource source = Model(1);
  source.Add("blk.0.ffn_gate_inp_shexp.weight", {1, 64}, std::vector<float>(64, 0.5f));
  const auto plan = PlanOf(source, "Q8_0");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(Find(*plan, "blk.0.ffn_gate_inp_shexp.weight").shape, Shape({64}));
  EXPECT_EQ(Find(*plan, "blk.0.ffn_down.weight").shape, Shape({4, 256}));
}

TEST(PlanQuantizeTest, QuantizedSourcesNeedPermission) {
  MemorySource source;
  source.AddBytes("blk.0.attn_v.weight", {2, 32}, TensorType::kQ8_0, std::vector<uint8_t>(68));
  EXPECT_THAT(std::string(PlanOf(source, "Q4_0").status().message()),
              HasSubstr("'blk.0.attn_v.weight' is Q8_0 already"));
  QuantizeOptions options;
  options.allow_requantize = true;
  EXPECT_TRUE(PlanOf(source, "Q4_0", options).ok());
  EXPECT_TRUE(PlanOf(source, "Q8_0").ok());  // a copy
  options = QuantizeOptions();
  options.recipe.copy = true;
  const auto copy = PlanQuantization(source, nullptr, options, nullptr);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->type_name, "COPY");
  EXPECT_EQ(copy->tensors[0].encoder, nullptr);
}

TEST(PlanQuantizeTest, WhatIsPublishedAsMxfp4StaysUnlessItShallNot) {
  MemorySource source;
  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "gpt-oss");
  source.mutable_metadata()->Set("gpt-oss.block_count", uint32_t{1});
  source.mutable_metadata()->Set("gpt-oss.expert_count", uint32_t{2});
  source.Add("blk.0.attn_q.weight", {4, 256}, std::vector<float>(1024, 0.5f));
  source.AddBytes("blk.0.ffn_up_exps.weight", {2, 4, 256}, TensorType::kMXFP4,
                  std::vector<uint8_t>(2 * 4 * 8 * 17));
  for (const char* type : {"MXFP4_MOE", "Q4_K_M", "Q8_0", "F16", "IQ4_NL"}) {
    const auto plan = PlanOf(source, type);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const PlannedTensor& experts = Find(*plan, "blk.0.ffn_up_exps.weight");
    EXPECT_EQ(experts.type, TensorType::kMXFP4) << type;
    EXPECT_EQ(experts.encoder, nullptr) << type;
    EXPECT_NE(Find(*plan, "blk.0.attn_q.weight").encoder, nullptr) << type;
    EXPECT_EQ(plan->warnings.size(), std::string(type) == "MXFP4_MOE" ? 0u : 1u) << type;
  }
  EXPECT_THAT(PlanOf(source, "Q4_K_M")->warnings[0], HasSubstr("1 of 2 tensors stay MXFP4"));
  EXPECT_THAT(std::string(PlanOf(source, "Q3_K_M").status().message()),
              HasSubstr("'blk.0.ffn_up_exps.weight' is MXFP4 in the model as it is published"));

  QuantizeOptions options;
  options.allow_requantize = true;
  const auto plan = PlanOf(source, "Q3_K_M", options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(Find(*plan, "blk.0.ffn_up_exps.weight").type, TensorType::kQ3_K);

  source.mutable_metadata()->Set(keys::kGeneralArchitecture, "llama");
  source.mutable_metadata()->Set("llama.block_count", uint32_t{1});
  EXPECT_THAT(std::string(PlanOf(source, "Q4_K_M").status().message()),
              HasSubstr("is MXFP4 already"));
}

TEST(PlanQuantizeTest, ImportanceByOldNameAfterPruning) {
  const MemorySource source = Model(3);
  ImportanceData importance;
  importance.path = "im.gguf";
  for (int layer : {0, 2}) {
    ImportanceEntry& entry =
        importance.entries["blk." + std::to_string(layer) + ".ffn_down.weight"];
    entry.sums.assign(256, 2.0f * (layer + 1));
    entry.counts = {2};
  }
  QuantizeOptions options;
  options.prune_layers = {0};
  const auto plan = PlanOf(source, "Q4_K_S", options, &importance);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->tensors.size(), 7u);
  const PlannedTensor& tensor = Find(*plan, "blk.1.ffn_down.weight");  // was layer 2
  ASSERT_EQ(tensor.importance.size(), 256u);
  EXPECT_EQ(tensor.importance[0], 3.0f);
  EXPECT_THAT(plan->warnings[0], HasSubstr("no importance data for token_embd.weight, "
                                           "blk.0.ffn_down.weight: quantized without"));
}

TEST(PlanQuantizeTest, ImportanceOfAnotherModelIsRefused) {
  const MemorySource source = Model(1);
  ImportanceData importance;
  importance.path = "im.gguf";
  importance.entries["blk.0.ffn_down.weight"] = {std::vector<float>(128, 1.0f), {1}};
  EXPECT_THAT(
      std::string(PlanOf(source, "Q4_0", QuantizeOptions(), &importance).status().message()),
      HasSubstr("entry 'blk.0.ffn_down.weight' has 128 values, expected 256"));
}

TEST(PlanQuantizeTest, OverridesComeLastAndImatrixKeysAreSet) {
  const MemorySource source = Model(1);
  ImportanceData importance;
  importance.path = std::string(200, 'p');
  importance.datasets = {"text.txt"};
  importance.chunk_count = 7;
  importance.entries["blk.0.ffn_down.weight"] = {std::vector<float>(256, 1.0f), {1}};
  QuantizeOptions options;
  options.overrides = {{"general.file_type", Value(uint32_t{99})}, {"my.key", Value("text")}};
  const auto plan = PlanOf(source, "Q4_0", options, &importance);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::string& head = plan->shards[0].layout.head;
  EXPECT_THAT(head, HasSubstr("quantize.imatrix.chunks_count"));
  EXPECT_THAT(head, HasSubstr(std::string(127, 'p')));
  EXPECT_EQ(head.find(std::string(128, 'p')), std::string::npos);
  EXPECT_THAT(head, HasSubstr("my.key"));
}

TEST(PlanQuantizeTest, CopiesDoNotClaimImportanceOrEffort) {
  const MemorySource source = Model(1);
  ImportanceData importance;
  importance.path = "im.gguf";
  importance.entries["blk.0.ffn_down.weight"] = {std::vector<float>(256, 1.0f), {1}};
  QuantizeOptions options;
  options.effort = Effort::kMax;
  const auto plan = PlanOf(source, "Q4_0", options, &importance);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->is_quantizing());
  EXPECT_EQ(plan->effort, Effort::kMax);
  EXPECT_EQ(plan->importance_path, "im.gguf");
  options.recipe.copy = true;
  const auto copy = PlanQuantization(source, nullptr, options, &importance);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->shards[0].layout.head.find("quantize.imatrix"), std::string::npos);
  EXPECT_FALSE(copy->is_quantizing());
  EXPECT_EQ(copy->importance_path, "");
  const auto plain = PlanOf(source, "F32", QuantizeOptions(), &importance);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_FALSE(plain->is_quantizing());
  EXPECT_EQ(plain->importance_path, "");
}

TEST(PlanQuantizeTest, OptionsThatChangeNothingInThisModelAreNamed) {
  QuantizeOptions options;
  options.recipe.leave_output_tensor = true;
  const auto plan = PlanOf(Model(1), "Q4_0", options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->warnings, Contains(HasSubstr("--leave-output-tensor has no effect")));
}

TEST(PlanQuantizeTest, TypesWithoutAnEncoderAreNamed) {
  QuantizeOptions options;
  options.recipe.tensor_types = {{"ffn_down", TensorType::kQ8_1}};
  EXPECT_THAT(std::string(PlanOf(Model(1), "Q4_0", options).status().message()),
              HasSubstr("'blk.0.ffn_down.weight' would become Q8_1"));
}

TEST(PlanQuantizeTest, TypesThatNeedImportanceSaySo) {
  const MemorySource source = Model(1);
  EXPECT_THAT(std::string(PlanOf(source, "IQ2_XS").status().message()),
              HasSubstr("IQ2_XS: tensor 'blk.0.ffn_down.weight' needs importance data to become "
                        "IQ2_XS; give --imatrix FILE"));
  EXPECT_THAT(std::string(PlanOf(source, "Q2_K_S").status().message()),
              HasSubstr("Q2_K_S: tensor 'blk.0.ffn_down.weight' needs importance data to become "
                        "Q2_K; give --imatrix FILE"));
  QuantizeOptions options;
  options.dry_run = true;
  const auto plan = PlanOf(source, "IQ2_XS", options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->warnings[0],
              HasSubstr("IQ2_XS: blk.0.ffn_down.weight needs importance data, so "
                        "that only a dry run works; give --imatrix FILE"));
}

}  // namespace
}  // namespace gguf
