#include "tools/advice/model_facts.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "quantize/memory_source.h"
#include "tools/advice/model_shape.h"

namespace gguf {
namespace {

ModelFacts FactsOf(absl::string_view name, bool may_have_importance = true) {
  const auto source = OpenShape(*FindShapes(name).front());
  absl::StatusOr<ModelFacts> facts = DescribeModel(*source, may_have_importance);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return *std::move(facts);
}

const WeightOption* Find(const ModelFacts& facts, absl::string_view type) {
  for (const WeightOption& option : facts.options) {
    if (option.type == type) return &option;
  }
  return nullptr;
}

// Numbers of weights as published, in millions, vision towers not counted.
TEST(PublishedShapes, HaveThePublishedNumberOfWeights) {
  const struct {
    const char* name;
    double millions;
  } cases[] = {
      {"Llama-3.2-1B", 1236},   {"Llama-3.2-3B", 3213},   {"Llama-3.1-8B", 8030},
      {"Llama-3.1-70B", 70554}, {"Llama-3.3-70B", 70554}, {"Mistral-7B", 7248},
      {"Mixtral-8x7B", 46703},  {"Qwen3-4B", 4022},       {"Qwen3-8B", 8191},
      {"Qwen3-14B", 14768},     {"Qwen3-32B", 32762},     {"Qwen3-30B-A3B", 30532},
      {"Qwen2.5-7B", 7616},     {"Qwen2.5-14B", 14770},   {"Qwen2.5-32B", 32764},
      {"Qwen2.5-72B", 72706},   {"Gemma-3-1B", 1000},     {"Gemma-3-4B", 3880},
      {"Gemma-3-12B", 11766},   {"Gemma-3-27B", 27009},   {"Gemma-2-9B", 9242},
      {"Gemma-2-27B", 27227},   {"gpt-oss-20B", 20915},   {"gpt-oss-120B", 116829},
  };
  EXPECT_EQ(std::size(cases), PublishedShapes().size());
  for (const auto& test : cases) {
    const auto shapes = FindShapes(test.name);
    ASSERT_EQ(shapes.size(), 1) << test.name;
    double num_weights = 0;
    const auto source = OpenShape(*shapes.front());
    for (const SourceTensor& tensor : source->tensors()) {
      num_weights += tensor.shape.num_values();
    }
    EXPECT_NEAR(num_weights / 1e6, test.millions, 0.6) << test.name;
  }
}

TEST(FindShapes, ByNameOrSize) {
  EXPECT_EQ(FindShapes("GPT-OSS-20b").front()->name, "gpt-oss-20B");
  EXPECT_EQ(FindShapes("8b").size(), 2);
  EXPECT_EQ(FindShapes("8b").front()->name, "Llama-3.1-8B");
  EXPECT_EQ(FindShapes("27B").front()->name, "Gemma-3-27B");
  EXPECT_TRUE(FindShapes("9000B").empty());
  EXPECT_TRUE(FindShapes("").empty());
}

// Bits per weight that llama.cpp publishes for its files of Llama-3.1-8B (tools/quantize/README.md,
// made without importance data where there is a choice).
TEST(DescribeModel, GivesThePublishedBitsPerWeight) {
  const ModelFacts without = FactsOf("Llama-3.1-8B", false), with = FactsOf("Llama-3.1-8B");
  const struct {
    const ModelFacts& facts;
    const char* type;
    double bits_per_weight;
  } cases[] = {
      {with, "IQ1_S", 2.0042},     {with, "IQ2_XXS", 2.3824},   {without, "Q2_K", 3.1593},
      {with, "IQ3_XXS", 3.2548},   {without, "Q3_K_M", 3.9960}, {without, "IQ4_XS", 4.4597},
      {without, "Q4_K_S", 4.6672}, {without, "Q4_K_M", 4.8944}, {without, "Q5_K_M", 5.7036},
      {without, "Q6_K", 6.5633},   {without, "Q8_0", 8.5008},   {without, "BF16", 16.0005},
  };
  for (const auto& test : cases) {
    const WeightOption* option = Find(test.facts, test.type);
    ASSERT_NE(option, nullptr) << test.type;
    EXPECT_NEAR(option->bits_per_weight, test.bits_per_weight, 5e-5) << test.type;
  }
  // With importance data IQ4_XS keeps no tensor in Q5_K but the values': 4.14 GiB in the list of
  // measurements (tools/perplexity/README.md).
  EXPECT_NEAR(Find(with, "IQ4_XS")->bytes / 1073741824.0, 4.14, 0.006);
  EXPECT_EQ(Find(without, "IQ1_S"), nullptr);
  EXPECT_EQ(without.refused.front().reason, "needs importance data");
}

TEST(DescribeModel, OptionsAreSortedAndKnowTheirLoss) {
  const ModelFacts facts = FactsOf("Llama-3.1-8B");
  for (size_t i = 1; i < facts.options.size(); ++i) {
    EXPECT_GE(facts.options[i - 1].bytes, facts.options[i].bytes);
  }
  EXPECT_TRUE(Find(facts, "BF16")->is_lossless);  // as the source
  EXPECT_EQ(Find(facts, "BF16")->divergence, 0);
  EXPECT_FALSE(Find(facts, "F16")->is_lossless);
  EXPECT_EQ(Find(facts, "Q4_K_M")->divergence, 0.0282);
  EXPECT_EQ(Find(facts, "NVFP4")->divergence, -1);  // measured only by us
  EXPECT_FALSE(Find(facts, "NVFP4")->measured.type.empty());
  EXPECT_EQ(Find(facts, "MXFP4_MOE"), nullptr);  // for models with experts
  EXPECT_EQ(Find(facts, "TQ1_0"), nullptr);      // for models trained with three values
}

TEST(DescribeModel, TokensReadTheExpertsInUseAndNoEmbeddings) {
  // All but 128256 x 4096 embeddings; norms are in F32: 65 x 4096 x 2 bytes more.
  const ModelFacts dense = FactsOf("Llama-3.1-8B");
  EXPECT_EQ(Find(dense, "BF16")->bytes_per_token,
            Find(dense, "BF16")->bytes - uint64_t{128256} * 4096 * 2);
  // Tied embeddings are read as the output matrix.
  const ModelFacts tied = FactsOf("Llama-3.2-1B");
  EXPECT_EQ(Find(tied, "BF16")->bytes_per_token, Find(tied, "BF16")->bytes);
  // 48 layers of 128 experts, 8 in use: 3 x 768 x 2048 values of 2 bytes each.
  const ModelFacts experts = FactsOf("Qwen3-30B-A3B");
  EXPECT_EQ(Find(experts, "BF16")->bytes - Find(experts, "BF16")->bytes_per_token,
            uint64_t{48} * 120 * 3 * 768 * 2048 * 2 + uint64_t{151936} * 2048 * 2);
}

TEST(DescribeModel, PublishedMxfp4StaysAsItIs) {
  const ModelFacts facts = FactsOf("gpt-oss-20B");
  EXPECT_TRUE(Find(facts, "BF16")->is_lossless);
  const WeightOption* q8_0 = Find(facts, "Q8_0");
  ASSERT_NE(q8_0, nullptr);
  EXPECT_EQ(q8_0->aliases, std::vector<std::string>{"MXFP4_MOE"});
  EXPECT_TRUE(q8_0->keeps_quantized);
  // 24 x 32 x 3 matrices of 2880 x 2880 values, 17 bytes per 32.
  const uint64_t expert_bytes = uint64_t{24} * 32 * 3 * 2880 * 2880 / 32 * 17;
  for (const WeightOption& option : facts.options) EXPECT_GT(option.bytes, expert_bytes);
}

TEST(DescribeModel, TypesSmallerThanThePublishedOneAreRefused) {
  // As gpt-oss, with rows that 256-value blocks divide.
  const ModelShape shape = {"small", "1B", "gpt-oss", 1,     256, 0, 4, 2,
                            64,      512,  512,       false, 128, 4, 2, 256};
  const absl::StatusOr<ModelFacts> facts = DescribeModel(*OpenShape(shape), true);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_NE(Find(*facts, "Q4_K_M"), nullptr);
  EXPECT_EQ(Find(*facts, "IQ2_M"), nullptr);
  std::string reason;
  for (const RefusedType& refused : facts->refused) {
    if (refused.type == "IQ2_M") reason = refused.reason;
  }
  EXPECT_NE(reason.find("is MXFP4 in the model as it is published"), std::string::npos) << reason;
}

// A file of one layer, quantized to Q8_0 already.
MemorySource QuantizedSource() {
  MemorySource source;
  Metadata& metadata = *source.mutable_metadata();
  metadata.Set("general.architecture", "llama");
  metadata.Set("general.file_type", uint32_t{7});
  for (const auto& [key, value] :
       {std::pair("block_count", 1), std::pair("context_length", 512),
        std::pair("embedding_length", 256), std::pair("attention.head_count", 4)}) {
    metadata.Set(std::string("llama.") + key, static_cast<uint32_t>(value));
  }
  metadata.Set("llama.attention.layer_norm_rms_epsilon", 1e-6f);
  source.AddBytes("token_embd.weight", {64, 256}, TensorType::kQ8_0,
                  std::vector<uint8_t>(64 * 272));
  source.AddBytes("blk.0.attn_q.weight", {256, 256}, TensorType::kQ8_0,
                  std::vector<uint8_t>(256 * 272));
  return source;
}

TEST(DescribeModel, AQuantizedFileStandsForItsSource) {
  const absl::StatusOr<ModelFacts> facts = DescribeModel(QuantizedSource(), true);
  ASSERT_TRUE(facts.ok()) << facts.status();
  const WeightOption* itself = Find(*facts, "COPY");
  ASSERT_NE(itself, nullptr);
  EXPECT_EQ(itself->bytes, 320 * 272);
  EXPECT_EQ(itself->divergence, 0.00136);  // of Q8_0
  EXPECT_FALSE(itself->is_lossless);
  EXPECT_EQ(itself->aliases, std::vector<std::string>{"Q8_0"});
  EXPECT_EQ(Find(*facts, "BF16")->bytes, 320 * 256 * 2);
  ASSERT_EQ(facts->warnings.size(), 1);
  EXPECT_NE(facts->warnings[0].find("is quantized already"), std::string::npos);
}

TEST(DescribeModel, UnknownFamiliesAndEmptyFilesAreRefused) {
  MemorySource unknown = QuantizedSource();
  unknown.mutable_metadata()->Set("general.architecture", "hyena");
  const absl::Status status = DescribeModel(unknown, true).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("hyena"), std::string::npos) << status;
  EXPECT_NE(status.message().find("--params, --layers"), std::string::npos) << status;
  MemorySource empty;
  *empty.mutable_metadata() = QuantizedSource().metadata();
  EXPECT_NE(DescribeModel(empty, true).status().message().find("has no tensors"),
            std::string::npos);
}

TEST(DescribeCustom, ScalesTheBitsPerWeightOfAKnownModel) {
  const absl::StatusOr<ModelFacts> facts = DescribeCustom({13e9, 40, 40, 128, 0, 0}, true);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_NEAR(Find(*facts, "Q8_0")->bytes, 13e9 * 8.5008 / 8, 1e6);
  EXPECT_EQ(facts->config.windows, std::vector<uint32_t>(40, 0));
  EXPECT_EQ(facts->config.key_width(), 40 * 128);
  const absl::StatusOr<ModelFacts> sliding = DescribeCustom({1e9, 3, 1, 64, 512, 2}, true);
  EXPECT_EQ(sliding->config.windows, (std::vector<uint32_t>{512, 512, 0}));
}

TEST(ParseNumWeights, TakesUnits) {
  EXPECT_EQ(*ParseNumWeights("8B"), 8e9);
  EXPECT_EQ(*ParseNumWeights("13.5b"), 13.5e9);
  EXPECT_EQ(*ParseNumWeights("350M"), 350e6);
  EXPECT_EQ(*ParseNumWeights("1T"), 1e12);
  for (const char* text : {"", "8", "B", "-8B", "8 GB", "nanB", "infB", "1e-9B", "1000T", "8BB"}) {
    EXPECT_FALSE(ParseNumWeights(text).ok()) << text;
  }
}

}  // namespace
}  // namespace gguf
