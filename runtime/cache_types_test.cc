#include "runtime/cache_types.h"

#include <vector>

#include "gtest/gtest.h"
#include "runtime/cache_testing.h"

namespace gguf {
namespace {

constexpr double kMebibyte = 1 << 20;

double Mebibytes(const ModelConfig& config, uint32_t context, TensorType type) {
  return CacheBytes(config, Options(context, type)) / kMebibyte;
}

// Sizes that the field reports for known models at 32768 tokens.
TEST(CacheBytes, UniformModels) {
  struct Row {
    uint32_t layers, kv_heads, head_size;
    double f16, q8_0, q5_1, q5_0, q4_1, q4_0;
  };
  const Row rows[] = {
      {32, 8, 128, 4096, 2176, 1536, 1408, 1280, 1152},   // Llama-3.1-8B, Mistral-7B
      {28, 4, 128, 1792, 952, 672, 616, 560, 504},        // Qwen2.5-7B
      {64, 8, 128, 8192, 4352, 3072, 2816, 2560, 2304},   // Qwen2.5-32B
      {80, 8, 128, 10240, 5440, 3840, 3520, 3200, 2880},  // Llama-3.1-70B
  };
  for (const Row& row : rows) {
    const ModelConfig config = Config(row.layers, 0, 0, row.kv_heads, row.head_size);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kF32), 2 * row.f16);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kF16), row.f16);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kBF16), row.f16);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kQ8_0), row.q8_0);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kQ5_1), row.q5_1);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kQ5_0), row.q5_0);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kQ4_1), row.q4_1);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kQ4_0), row.q4_0);
    EXPECT_EQ(Mebibytes(config, 32768, TensorType::kIQ4_NL), row.q4_0);
  }
}

TEST(CacheBytes, KeysAndValuesApart) {
  CacheOptions options = Options(32848, TensorType::kF16);  // 33024 cells
  const ModelConfig mistral = Config(32, 0, 0, 8, 128);
  EXPECT_EQ(CacheBytes(mistral, options) / kMebibyte, 2 * 2064.0);
  options.value_type = TensorType::kQ8_0;
  EXPECT_EQ(CacheBytes(mistral, options) / kMebibyte, 2064.0 + 1096.5);
}

TEST(CacheBytes, SlidingLayersKeepTheirWindow) {
  struct Row {
    uint32_t full, sliding, window, kv_heads, head_size, context;
    double f16, q8_0, q4_0, f16_unless_sliding;
  };
  const Row rows[] = {
      {4, 22, 512, 1, 256, 8192, 54, 28.6875, 15.1875, 208},  // gemma3-1b
      {4, 22, 512, 1, 256, 32768, 150, 79.6875, 42.1875, 832},
      {4, 22, 512, 1, 256, 131072, 534, 283.6875, 150.1875, 3328},
      {5, 29, 1024, 4, 256, 8192, 334, 177.4375, 93.9375, 1088},  // gemma3-4b
      {5, 29, 1024, 4, 256, 32768, 814, 432.4375, 228.9375, 4352},
      {5, 29, 1024, 4, 256, 131072, 2734, 1452.4375, 768.9375, 17408},
      {8, 40, 1024, 8, 256, 8192, 992, 527, 279, 3072},  // gemma3-12b
      {8, 40, 1024, 8, 256, 32768, 2528, 1343, 711, 12288},
      {8, 40, 1024, 8, 256, 131072, 8672, 4607, 2439, 49152},
      {10, 52, 1024, 16, 128, 8192, 1264, 671.5, 355.5, 3968},  // gemma3-27b
      {10, 52, 1024, 16, 128, 32768, 3184, 1691.5, 895.5, 15872},
      {10, 52, 1024, 16, 128, 131072, 10864, 5771.5, 3055.5, 63488},
  };
  for (const Row& row : rows) {
    const ModelConfig config =
        Config(row.full, row.sliding, row.window, row.kv_heads, row.head_size);
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kF16), row.f16) << row.context;
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kQ8_0), row.q8_0) << row.context;
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kQ4_0), row.q4_0) << row.context;
    const ModelConfig full = Config(row.full + row.sliding, 0, 0, row.kv_heads, row.head_size);
    EXPECT_EQ(Mebibytes(full, row.context, TensorType::kF16), row.f16_unless_sliding);
  }
}

TEST(CacheBytes, HalfOfTheLayersSlide) {
  struct Row {
    uint32_t half, context;
    double f16;
  };
  const Row rows[] = {{12, 8192, 210}, {12, 32768, 786},  {12, 131072, 3090},   // gpt-oss-20b
                      {18, 8192, 315}, {18, 32768, 1179}, {18, 131072, 4635}};  // gpt-oss-120b
  for (const Row& row : rows) {
    EXPECT_EQ(Mebibytes(Config(row.half, row.half, 128, 8, 64), row.context, TensorType::kF16),
              row.f16);
  }
}

TEST(CheckCacheTypes, BlocksMustDivideHeads) {
  for (const uint32_t head_size : {40u, 72u, 80u, 112u}) {
    const ModelConfig config = Config(1, 0, 0, 1, head_size);
    EXPECT_TRUE(CheckCacheTypes(config, Options(8, TensorType::kF16)).ok());
    const absl::Status status = CheckCacheTypes(config, Options(8, TensorType::kQ8_0));
    EXPECT_EQ(status.message(),
              "type of cached keys is Q8_0 with blocks of 32 values, which do not divide the head "
              "size " +
                  std::to_string(head_size) + "; use f16, bf16 or f32");
  }
  for (const uint32_t head_size : {64u, 96u, 128u, 192u, 256u}) {
    for (const TensorType type : CacheTypes()) {
      EXPECT_TRUE(CheckCacheTypes(Config(1, 0, 0, 1, head_size), Options(8, type)).ok());
    }
  }
  EXPECT_EQ(CheckCacheTypes(Config(1, 0, 0, 1, 256), Options(8, TensorType::kQ4_K)).message(),
            "type of cached keys is Q4_K, which this runtime cannot do, expected one of f32, f16, "
            "bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl");
}

struct TargetCase {
  const char* family;
  CacheTarget target;
  TensorType type;
  const char* refusal;  // empty: accepted
};

// With a family whose attention is like that of `family`.
ModelConfig ConfigOf(absl::string_view family) {
  ModelConfig config = Config(2, 2, 128, 8, 64);
  config.family = FindModelFamily(family);
  config.attention_cap = family == "gemma2" ? 50.0f : 0.0f;
  return config;
}

TEST(CheckCacheTypes, ProgramsRefuse) {
  constexpr TargetCase cases[] = {
      {"gpt-oss", CacheTarget::kThisRuntime, TensorType::kF16, ""},
      {"gpt-oss", CacheTarget::kThisRuntime, TensorType::kQ8_0,
       "a Q8_0 cache of a gpt-oss model: its attention has sinks, for which some programs (Ollama "
       "before October 2025) have no kernels with quantized keys and values, so that they stop or "
       "answer nonsense; use f16, or --allow-quantized-kv for programs that have them"},
      {"gpt-oss", CacheTarget::kLlamaCpp, TensorType::kQ8_0, ""},
      {"gpt-oss", CacheTarget::kOllama, TensorType::kQ8_0, ""},
      {"gpt-oss", CacheTarget::kOllamaBeforeOct2025, TensorType::kF16, ""},
      {"gpt-oss", CacheTarget::kOllamaBeforeOct2025, TensorType::kQ8_0,
       "a Q8_0 cache of a gpt-oss model: its attention has sinks, for which Ollama before October "
       "2025 has no kernels with quantized keys and values; use f16"},
      {"llama", CacheTarget::kOllamaBeforeOct2025, TensorType::kQ4_0, ""},
      {"llama", CacheTarget::kLlamaCpp, TensorType::kIQ4_NL, ""},
      {"llama", CacheTarget::kLlamaCppCuda, TensorType::kQ4_0, ""},
      {"llama", CacheTarget::kLlamaCppCuda, TensorType::kQ5_1,
       "type of cached keys is Q5_1, which llama.cpp's default CUDA build cannot do, expected one "
       "of f32, f16, bf16, q8_0, q4_0"},
      {"llama", CacheTarget::kLlamaCppMetal, TensorType::kQ5_1, ""},
      {"llama", CacheTarget::kLlamaCppMetal, TensorType::kIQ4_NL,
       "type of cached keys is IQ4_NL, which llama.cpp on Metal cannot do, expected one of f32, "
       "f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0"},
      {"llama", CacheTarget::kOllama, TensorType::kBF16,
       "type of cached keys is BF16, which Ollama cannot do, expected one of f16, q8_0, q4_0"},
      {"gemma2", CacheTarget::kThisRuntime, TensorType::kQ4_0, ""},
      {"gemma2", CacheTarget::kOllama, TensorType::kQ4_0,
       "a Q4_0 cache of a gemma2 model: its attention caps scores, which Ollama runs without flash "
       "attention, and a quantized cache needs that; use f16"},
  };
  for (const TargetCase& c : cases) {
    EXPECT_EQ(CheckCacheTypes(ConfigOf(c.family), Options(8, c.type), c.target).message(),
              c.refusal);
  }
}

TEST(CheckCacheTypes, QuantizedSinksWhereTheyAreAllowed) {
  CacheOptions options = Options(8, TensorType::kF16);
  options.value_type = TensorType::kQ8_0;  // either of the two counts
  EXPECT_EQ(CheckCacheTypes(ConfigOf("gpt-oss"), options).code(),
            absl::StatusCode::kFailedPrecondition);
  options.allows_quantized_sinks = true;
  EXPECT_TRUE(CheckCacheTypes(ConfigOf("gpt-oss"), options).ok());
  EXPECT_FALSE(
      CheckCacheTypes(ConfigOf("gpt-oss"), options, CacheTarget::kOllamaBeforeOct2025).ok());
}

TEST(CheckCacheTypes, KeysAndValuesApart) {
  CacheOptions options = Options(8, TensorType::kF16);
  options.value_type = TensorType::kQ8_0;
  ModelConfig config = ConfigOf("llama");
  EXPECT_TRUE(CheckCacheTypes(config, options, CacheTarget::kLlamaCpp).ok());
  EXPECT_EQ(CheckCacheTypes(config, options, CacheTarget::kOllama).message(),
            "cached keys are F16 and values Q8_0, but Ollama has one type for both; use the same "
            "for both");
  options.key_type = TensorType::kQ8_0;
  config.key_length = 2 * config.value_length;
  EXPECT_TRUE(CheckCacheTypes(config, options, CacheTarget::kLlamaCppCuda).ok());
  EXPECT_EQ(CheckCacheTypes(config, options, CacheTarget::kOllama).message(),
            "a Q8_0 cache of a llama model: its keys and values differ in size, which Ollama runs "
            "without flash attention, and a quantized cache needs that; use f16");
}

TEST(ParseCacheTarget, KnowsNames) {
  EXPECT_EQ(CacheTargetNames().front(), "this");
  for (const std::string& name : CacheTargetNames()) EXPECT_TRUE(ParseCacheTarget(name).ok());
  EXPECT_EQ(*ParseCacheTarget("llama.cpp-metal"), CacheTarget::kLlamaCppMetal);
  EXPECT_EQ(ParseCacheTarget("vllm").status().message(),
            "'vllm' is no program whose cache is known, expected one of this, llama.cpp, "
            "llama.cpp-cuda, llama.cpp-metal, ollama, ollama-before-2025-10");
}

TEST(ParseCacheType, KnowsNames) {
  EXPECT_EQ(*ParseCacheType("q8_0"), TensorType::kQ8_0);
  EXPECT_EQ(*ParseCacheType("IQ4_NL"), TensorType::kIQ4_NL);
  EXPECT_EQ(
      ParseCacheType("q6_k").status().message(),
      "'q6_k' is no cache type, expected one of f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, "
      "iq4_nl");
}

}  // namespace
}  // namespace gguf
