#include "runtime/model.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"
#include "runtime/decoder.h"
#include "runtime/memory.h"

namespace gguf {
namespace {

// The keys of a tiny Llama.
Metadata TinyMetadata() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("llama"));
  metadata.Set("llama.block_count", uint32_t{1});
  metadata.Set("llama.embedding_length", uint32_t{32});
  metadata.Set("llama.feed_forward_length", uint32_t{64});
  metadata.Set("llama.attention.head_count", uint32_t{2});
  metadata.Set("llama.attention.head_count_kv", uint32_t{1});
  metadata.Set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  metadata.Set("llama.context_length", uint32_t{64});
  return metadata;
}

std::vector<TensorSpec> TinyTensors() {
  const TensorType type = TensorType::kF32;
  return {{"token_embd.weight", type, {10, 32}},        {"output_norm.weight", type, {32}},
          {"blk.0.attn_norm.weight", type, {32}},       {"blk.0.attn_q.weight", type, {32, 32}},
          {"blk.0.attn_k.weight", type, {16, 32}},      {"blk.0.attn_v.weight", type, {16, 32}},
          {"blk.0.attn_output.weight", type, {32, 32}}, {"blk.0.ffn_norm.weight", type, {32}},
          {"blk.0.ffn_gate.weight", type, {64, 32}},    {"blk.0.ffn_up.weight", type, {64, 32}},
          {"blk.0.ffn_down.weight", type, {32, 64}}};
}

std::string Write(absl::string_view name, const Metadata& metadata,
                  const std::vector<TensorSpec>& tensors) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name, ".gguf");
  const absl::StatusOr<std::string> bytes = MakeGguf(metadata, tensors);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_TRUE(WriteFileBytes(path, *bytes));
  return path;
}

absl::Status Open(const Metadata& metadata, const std::vector<TensorSpec>& tensors) {
  const auto model = Model::Open(Write("tiny", metadata, tensors));
  if (!model.ok()) return model.status();
  return Decoder::Create(**model, DecoderOptions()).status();
}

TEST(Model, OpensAndMaps) {
  const auto model = Model::Open(Write("good", TinyMetadata(), TinyTensors()));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->tensors().size(), 11u);
  const TensorView* tensor = (*model)->Find("blk.0.attn_k.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->data.size(), 16u * 32 * 4);
  EXPECT_EQ(tensor->data[5], static_cast<uint8_t>((7 * 4 + 13 * 5) % 251));  // the pattern
  EXPECT_EQ((*model)->Find("output.weight"), nullptr);
  EXPECT_EQ((*model)->config().key_length, 16u);
  EXPECT_TRUE(Decoder::Create(**model, DecoderOptions()).ok());
}

TEST(Model, MissingFile) {
  EXPECT_EQ(Model::Open("/nowhere/model.gguf").status().code(), absl::StatusCode::kNotFound);
}

TEST(Model, BigEndianIsRefused) {
  RawGguf raw(/*big_endian=*/true);
  raw.Header(0, 1).Key("general.architecture", ValueType::kString).String("llama").Pad();
  const std::string path = absl::StrCat(::testing::TempDir(), "/big.gguf");
  ASSERT_TRUE(WriteFileBytes(path, raw.bytes()));
  EXPECT_FALSE(Model::Open(path).ok());
}

// One value of the metadata changed, and what the error must say.
struct BadKey {
  const char* key;
  Value value;  // of type uint8 0: removed
  const char* message;
};

TEST(Model, EveryKeyIsChecked) {
  const BadKey cases[] = {
      {"general.architecture", Value("mamba"),
       "key general.architecture is \"mamba\", expected one of bert, gemma2, gemma3, gpt-oss, "
       "granite, llama, olmo2, phi3, qwen2, qwen2moe, qwen2vl, qwen3, qwen3moe"},
      {"general.architecture", Value(uint8_t{0}), "general.architecture"},
      {"llama.block_count", Value(uint8_t{0}), "llama.block_count"},
      {"llama.block_count", Value(uint32_t{0}), "key llama.block_count is 0, expected 1 to 1024"},
      {"llama.block_count", Value(uint32_t{5000}),
       "key llama.block_count is 5000, expected 1 to 1024"},
      {"llama.embedding_length", Value("32"), "llama.embedding_length"},
      {"llama.embedding_length", Value(uint32_t{33}), "expected a divisor of the embedding length"},
      {"llama.context_length", Value(uint64_t{1} << 32), "key llama.context_length is 4294967296"},
      {"llama.attention.head_count", Value(uint32_t{3}), "expected a divisor"},
      {"llama.attention.head_count_kv", Value(uint32_t{4}),
       "key llama.attention.head_count_kv is 4, expected a divisor of the 2 heads"},
      {"llama.attention.layer_norm_rms_epsilon", Value(uint8_t{0}),
       "key llama.attention.layer_norm_rms_epsilon is missing, expected a float"},
      {"llama.attention.layer_norm_rms_epsilon", Value(-1.0f), "expected a finite number"},
      {"llama.rope.dimension_count", Value(uint32_t{15}), "expected an even number"},
      {"llama.rope.dimension_count", Value(uint32_t{64}),
       "key llama.rope.dimension_count is 64, expected 2 to 16"},
      {"llama.rope.freq_base", Value(0.0f), "llama.rope.freq_base is 0, expected"},
      {"llama.rope.scaling.type", Value("dynamic"),
       "key llama.rope.scaling.type is 'dynamic', expected none, linear, yarn or longrope"},
      {"llama.expert_count", Value(uint32_t{4}), "llama.expert_used_count"},
      {"llama.attention.key_length", Value(uint32_t{1} << 21), "llama.attention.key_length"},
  };
  for (const BadKey& c : cases) {
    SCOPED_TRACE(c.key);
    Metadata metadata = TinyMetadata();
    if (c.value == Value(uint8_t{0})) {
      metadata.Remove(c.key);
    } else {
      metadata.Set(c.key, c.value);
    }
    const absl::Status status = Open(metadata, TinyTensors());
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(absl::StrContains(status.message(), c.message)) << status;
  }
}

// Ollama's files have names of their own for some keys, and leave out what its engine knows.
TEST(Model, KeysOfOllama) {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("gemma3"));
  metadata.Set("gemma3.block_count", uint32_t{6});
  metadata.Set("gemma3.embedding_length", uint32_t{64});
  metadata.Set("gemma3.feed_forward_length", uint32_t{64});
  metadata.Set("gemma3.attention.head_count", uint32_t{2});
  metadata.Set("gemma3.context_length", uint32_t{131072});
  metadata.Set("gemma3.mm.tokens_per_image", uint32_t{256});
  const auto silent = ReadModelConfig(metadata);
  ASSERT_TRUE(silent.ok()) << silent.status();
  EXPECT_EQ(silent->norm_epsilon, 1e-6f);
  EXPECT_EQ(silent->rope.base, 1e6f);
  EXPECT_EQ(silent->rope.sliding_base, 1e4f);
  EXPECT_EQ(silent->rope.scaling, RopeScaling::kLinear);
  EXPECT_EQ(silent->rope.factor, 8.0f);

  metadata.Set("gemma3.rope.global.freq_base", 2e6f);
  metadata.Set("gemma3.rope.local.freq_base", 3e4f);
  metadata.Set("gemma3.context_length", uint32_t{32768});
  const auto said = ReadModelConfig(metadata);
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_EQ(said->rope.base, 2e6f);
  EXPECT_EQ(said->rope.sliding_base, 3e4f);
  EXPECT_EQ(said->rope.scaling, RopeScaling::kNone);
}

TEST(Model, EveryTensorIsNeeded) {
  for (size_t i = 0; i < TinyTensors().size(); ++i) {
    std::vector<TensorSpec> tensors = TinyTensors();
    const std::string name = tensors[i].name;
    tensors.erase(tensors.begin() + i);
    const absl::Status status = Open(TinyMetadata(), tensors);
    // Without a gate, ffn_up is taken for both and has the wrong shape.
    const std::string culprit = name == "blk.0.ffn_gate.weight" ? "blk.0.ffn_up.weight" : name;
    EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("tensor ", culprit))) << status;
  }
}

TEST(Model, TensorsHaveTheirShape) {
  for (size_t i = 0; i < TinyTensors().size(); ++i) {
    std::vector<TensorSpec> tensors = TinyTensors();
    const std::string name = tensors[i].name;
    tensors[i].shape = name == "token_embd.weight" ? Shape{10, 48} : Shape{5, 7};
    const absl::Status status = Open(TinyMetadata(), tensors);
    EXPECT_TRUE(absl::StrContains(
        status.message(),
        absl::StrCat("tensor ", name, " has shape ", tensors[i].shape.ToString(), ", expected [")))
        << status;
  }
}

TEST(Model, UnknownTensorsAreRefused) {
  std::vector<TensorSpec> tensors = TinyTensors();
  tensors.push_back({"blk.0.attn_gate.weight", TensorType::kF32, {32, 32}});
  const absl::Status status = Open(TinyMetadata(), tensors);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "tensor blk.0.attn_gate.weight has no part in a "
                                "llama model that the runtime knows"))
      << status;
}

TEST(Model, IntegersAreNoWeights) {
  std::vector<TensorSpec> tensors = TinyTensors();
  tensors[3].type = TensorType::kI32;
  EXPECT_TRUE(absl::StrContains(Open(TinyMetadata(), tensors).message(),
                                "tensor blk.0.attn_q.weight is I32, expected a type of weights"));
}

// The tiny Llama's keys as those of another family.
Metadata TinyMetadataOf(absl::string_view architecture) {
  const Metadata tiny = TinyMetadata();
  Metadata metadata;
  for (const auto& [key, value] : tiny.entries()) {
    const bool is_family = absl::StartsWith(key, "llama.");
    metadata.Set(is_family ? absl::StrCat(architecture, ".", key.substr(6)) : key, value);
  }
  metadata.Set("general.architecture", std::string(architecture));
  return metadata;
}

// Scales that only some families have: 0 and no key stand for none.
TEST(Model, ScalesAreKeysOfTheirFamily) {
  const auto read = [](absl::string_view architecture, float value) {
    Metadata metadata = TinyMetadataOf(architecture);
    for (const char* key : {"embedding_scale", "residual_scale", "logit_scale"}) {
      metadata.Set(absl::StrCat(architecture, ".", key), value);
    }
    metadata.Set(absl::StrCat(architecture, ".attention.scale"), value);
    return ReadModelConfig(metadata);
  };
  const auto expect = [](const absl::StatusOr<ModelConfig>& config, float scale, float attention) {
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->embedding_scale, scale);
    EXPECT_EQ(config->residual_scale, scale);
    EXPECT_EQ(config->logit_divisor, scale);
    EXPECT_EQ(config->attention_scale, attention);
  };
  expect(read("granite", 3.0f), 3.0f, 3.0f);
  expect(read("granite", 0.0f), 1.0f, 0.25f);
  expect(ReadModelConfig(TinyMetadataOf("granite")), 1.0f, 0.25f);
  expect(read("llama", 3.0f), 1.0f, 3.0f);
  EXPECT_TRUE(absl::StrContains(read("granite", -1.0f).status().message(),
                                "key granite.attention.scale is -1, expected a finite number"));
}

// Later models under an architecture's name, which compute something else.
TEST(Model, LaterModelsOfAFamilyAreRefused) {
  Metadata granite = TinyMetadataOf("granite");
  granite.Set("granite.rope.scaling.finetuned", true);
  EXPECT_TRUE(ReadModelConfig(granite).ok());
  granite.Set("granite.rope.scaling.finetuned", false);
  EXPECT_TRUE(absl::StrContains(ReadModelConfig(granite).status().message(),
                                "key granite.rope.scaling.finetuned is false"));
  Metadata olmo = TinyMetadataOf("olmo2");
  olmo.Set("olmo2.attention.sliding_window", uint32_t{0});
  EXPECT_TRUE(ReadModelConfig(olmo).ok());
  olmo.Set("olmo2.attention.sliding_window", uint32_t{4096});
  EXPECT_TRUE(absl::StrContains(ReadModelConfig(olmo).status().message(),
                                "key olmo2.attention.sliding_window is 4096"));
}

TEST(Model, FamiliesNeedTheirTensors) {
  EXPECT_TRUE(absl::StrContains(Open(TinyMetadataOf("qwen3"), TinyTensors()).message(),
                                "tensor blk.0.attn_q_norm.weight is missing, which every layer of "
                                "a qwen3 model has"));
}

TEST(Memory, OneLineWhenItWillNotSuffice) {
  const uint64_t mebibyte = 1 << 20;
  const MemoryNeed need = {100 * mebibyte, 20 * mebibyte, 3 * mebibyte};
  EXPECT_TRUE(CheckMemory("m.gguf", need, 123 * mebibyte).ok());
  const absl::Status status = CheckMemory("m.gguf", need, 123 * mebibyte - 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      status.message(),
      "m.gguf needs 123.0 MiB of memory (weights 100.0 MiB, key-value cache 20.0 MiB, buffers "
      "3.0 MiB), but 123.0 MiB are available: use a smaller context, cache type or model");
  EXPECT_GT(AvailableMemory(), mebibyte);
}

TEST(Memory, IsCheckedBeforeTheCacheIsAllocated) {
  const auto model = Model::Open(Write("memory", TinyMetadata(), TinyTensors()));
  ASSERT_TRUE(model.ok());
  DecoderOptions options;
  options.context = kMaxContext;  // 2 GiB of keys and values a layer
  Metadata metadata = TinyMetadata();
  metadata.Set("llama.block_count", uint32_t{1024});  // of layers that the file does not have
  const auto large = Model::Open(Write("large", metadata, TinyTensors()));
  ASSERT_TRUE(large.ok());
  const absl::Status status = Decoder::Create(**large, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(Decoder, CacheTypeMustFit) {
  Metadata metadata = TinyMetadata();
  const auto model = Model::Open(Write("cache", metadata, TinyTensors()));
  ASSERT_TRUE(model.ok());
  DecoderOptions options;
  options.value_type = TensorType::kQ8_0;  // heads of 16
  const absl::Status status = Decoder::Create(**model, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "do not divide the head size 16")) << status;
}

}  // namespace
}  // namespace gguf
