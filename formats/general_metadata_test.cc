#include "formats/general_metadata.h"

#include <string>
#include <vector>

#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

TEST(GeneralMetadata, NamesForPeople) {
  EXPECT_EQ(ModelNameOf("llama-trained"), "Llama Trained");
  EXPECT_EQ(ModelNameOf("Meta-Llama-3.1_8B instruct"), "Meta Llama 3.1 8B Instruct");
  EXPECT_EQ(ModelNameOf("qwen3moe"), "Qwen3Moe");
  EXPECT_EQ(ModelNameOf("dIM-v2.1-vit-4b-v"), "dIM v2.1 Vit 4b V");
  EXPECT_EQ(ModelNameOf("--"), "");
  EXPECT_EQ(ModelNameOf(""), "");
}

std::string LabelOf(uint64_t parameters) {
  return SizeLabel({{"t", Shape({parameters}), TensorType::kF32}});
}

TEST(GeneralMetadata, SizeLabels) {
  EXPECT_EQ(LabelOf(6'738'415'616), "6.7B");
  EXPECT_EQ(LabelOf(13'015'864'320), "13B");
  EXPECT_EQ(LabelOf(394'112), "394K");
  EXPECT_EQ(LabelOf(1'000'000), "1000K");  // only what is above a scale is counted in it
  EXPECT_EQ(LabelOf(1'000'001), "1.0M");
  EXPECT_EQ(LabelOf(9'600'000), "10M");
  EXPECT_EQ(LabelOf(9'400'000), "9.4M");
  EXPECT_EQ(LabelOf(5), "0.0K");
  EXPECT_EQ(LabelOf(2'000'000'000'000), "2.0T");
}

TEST(GeneralMetadata, SizeLabelCountsOneExpert) {
  const std::vector<SourceTensor> tensors = {
      {"token_embd.weight", Shape({1000, 1000}), TensorType::kF16},
      {"blk.0.ffn_up_exps.weight", Shape({8, 1000, 6000}), TensorType::kF16},
      {"blk.0.ffn_up_exps.bias", Shape({8, 1000}), TensorType::kF32},
  };
  EXPECT_EQ(SizeLabel(tensors), "8x7.0M");
}

TEST(GeneralMetadata, FileTypeIsThatOfTheFirstMatrix) {
  const SourceTensor norm = {"output_norm.weight", Shape({8}), TensorType::kF32};
  const auto matrix = [](TensorType type) {
    return SourceTensor{"output.weight", Shape({8, 8}), type};
  };
  EXPECT_EQ(FileTypeOf({norm, matrix(TensorType::kBF16), matrix(TensorType::kF16)}), 32);
  EXPECT_EQ(FileTypeOf({norm, matrix(TensorType::kF16), matrix(TensorType::kBF16)}), 1);
  EXPECT_EQ(FileTypeOf({matrix(TensorType::kF32)}), 1);
  EXPECT_EQ(FileTypeOf({norm}), 1);
}

TEST(GeneralMetadata, OverridesOfEveryKind) {
  Metadata metadata;
  metadata.Set(keys::kGeneralName, "Old");
  const absl::Status status =
      SetOverrides("m.json",
                   R"({"general.name": "New", "general.base_model.count": 1, "general.weight": 0.5,
          "general.flag": true, "general.tags": ["a", "b"], "tokenizer.chat_template": "{{x}}"})",
                   &metadata);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*metadata.Find("general.name"), Value("New"));
  EXPECT_EQ(*metadata.Find("general.base_model.count"), Value(uint32_t{1}));
  EXPECT_EQ(*metadata.Find("general.weight"), Value(0.5f));
  EXPECT_EQ(*metadata.Find("general.flag"), Value(true));
  EXPECT_EQ(*metadata.Find("general.tags"), Value(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*metadata.Find("tokenizer.chat_template"), Value("{{x}}"));
}

TEST(GeneralMetadata, RefusesOtherKeysAndValues) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {R"({"llama.block_count": 1})", "the key \"llama.block_count\" cannot be set"},
      {R"({"tokenizer.ggml.model": "x"})", "\"tokenizer.ggml.model\" cannot be set"},
      {R"({"general.architecture": "x"})", "\"general.architecture\" cannot be set"},
      {R"({"general.file_type": 1})", "\"general.file_type\" cannot be set"},
      {R"({"general.x": null})", "general.x is null"},
      {R"({"general.x": {}})", "general.x is an object"},
      {R"({"general.x": -1.0e300})", "general.x is -1e+300"},
      {R"({"general.x": 4294967296})", "general.x is 4294967296"},
      {R"({"general.x": ["a", 1]})", "general.x is a list with 1"},
      {R"({"tokenizer.chat_template": 1})", "tokenizer.chat_template is 1"},
      {"[]", "expected an object"},
  };
  for (const auto& test : kCases) {
    Metadata metadata;
    const absl::Status status = SetOverrides("m.json", test.text, &metadata);
    ASSERT_FALSE(status.ok()) << test.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("m.json: "));
    EXPECT_THAT(std::string(status.message()), HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace gguf
