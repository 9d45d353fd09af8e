#include "quantize/plan_convert.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

MemorySource Model(TensorType matrix_type) {
  MemorySource source;
  const size_t width = InfoOf(matrix_type).block_bytes;
  source.Add("output_norm.weight", {64}, std::vector<float>(64, 1.0f));
  source.AddBytes("token_embd.weight", {4, 64}, matrix_type, std::vector<uint8_t>(256 * width));
  source.AddBytes("blk.0.attn_q.weight", {4, 48}, matrix_type, std::vector<uint8_t>(192 * width));
  return source;
}

TEST(PlanConvertTest, AutoFollowsTheFirstMatrix) {
  const struct {
    TensorType source, output;
  } kCases[] = {{TensorType::kBF16, TensorType::kBF16},
                {TensorType::kF16, TensorType::kF16},
                {TensorType::kF32, TensorType::kF16}};
  for (const auto& c : kCases) {
    const auto plan = PlanConversion(Model(c.source), ConvertOptions());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->type_name, NameOf(c.output));
    EXPECT_EQ(plan->tensors[0].type, TensorType::kF32);
    EXPECT_EQ(plan->tensors[1].type, c.output);
    EXPECT_EQ(plan->tensors[1].encoder == nullptr, c.source == c.output);
    EXPECT_TRUE(plan->allow_f16_overflow);
  }
}

TEST(PlanConvertTest, AutoPassesOverTensorsThatAreNotSixteenBit) {
  // Routers and dequantized 8-bit weights are F32, whatever the checkpoint's precision.
  MemorySource source = Model(TensorType::kF32);
  source.AddBytes("blk.0.attn_k.weight", {4, 64}, TensorType::kBF16, std::vector<uint8_t>(512));
  const auto plan = PlanConversion(source, ConvertOptions());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->type_name, "BF16");
}

TEST(PlanConvertTest, RowsThatBlocksDoNotDivideBecomeF16) {
  ConvertOptions options;
  options.type = TensorType::kQ8_0;
  const auto plan = PlanConversion(Model(TensorType::kF32), options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->tensors[1].type, TensorType::kQ8_0);
  EXPECT_EQ(plan->tensors[2].type, TensorType::kF16);
  ASSERT_EQ(plan->warnings.size(), 1u);
  EXPECT_THAT(plan->warnings[0], HasSubstr("'blk.0.attn_q.weight'"));
}

TEST(PlanConvertTest, TypesThatNothingEncodesAreNamed) {
  ConvertOptions options;
  options.type = TensorType::kI8;
  EXPECT_FALSE(PlanConversion(Model(TensorType::kF16), options).ok());
  options.type = TensorType::kQ8_K;
  EXPECT_THAT(std::string(PlanConversion(Model(TensorType::kF16), options).status().message()),
              HasSubstr("Q8_K"));
}

TEST(PlanConvertTest, TypesThatNeedImportanceAreReferredToQuantize) {
  MemorySource source;
  source.Add("blk.0.attn_q.weight", {2, 256}, std::vector<float>(512, 0.5f));
  ConvertOptions options;
  options.type = TensorType::kIQ2_XS;
  EXPECT_THAT(std::string(PlanConversion(source, options).status().message()),
              HasSubstr("needs importance data: use quantize"));
}

}  // namespace
}  // namespace gguf
