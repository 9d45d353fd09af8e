#include "runtime/kv_cache.h"

#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

constexpr double kMebibyte = 1 << 20;

// `sliding` of the layers have a window of `window` tokens.
ModelConfig Config(uint32_t full, uint32_t sliding, uint32_t window, uint32_t kv_heads,
                   uint32_t head_size) {
  ModelConfig config;
  config.family = FindModelFamily("llama");
  config.num_layers = full + sliding;
  config.num_heads = config.num_kv_heads = kv_heads;
  config.key_length = config.value_length = head_size;
  config.windows.assign(full, 0);
  config.windows.insert(config.windows.end(), sliding, window);
  return config;
}

CacheOptions Options(uint32_t context, TensorType type) {
  CacheOptions options;
  options.context = context;
  options.key_type = options.value_type = type;
  return options;
}

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
    double f16, q8_0, q4_0;
  };
  const Row rows[] = {
      {4, 22, 512, 1, 256, 8192, 54, 28.6875, 15.1875},  // gemma3-1b
      {4, 22, 512, 1, 256, 32768, 150, 79.6875, 42.1875},
      {4, 22, 512, 1, 256, 131072, 534, 283.6875, 150.1875},
      {5, 29, 1024, 4, 256, 8192, 334, 177.4375, 93.9375},     // gemma3-4b
      {8, 40, 1024, 8, 256, 32768, 2528, 1343, 711},           // gemma3-12b
      {10, 52, 1024, 16, 128, 131072, 10864, 5771.5, 3055.5},  // gemma3-27b
  };
  for (const Row& row : rows) {
    const ModelConfig config =
        Config(row.full, row.sliding, row.window, row.kv_heads, row.head_size);
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kF16), row.f16) << row.context;
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kQ8_0), row.q8_0) << row.context;
    EXPECT_EQ(Mebibytes(config, row.context, TensorType::kQ4_0), row.q4_0) << row.context;
  }
  // gpt-oss, half the layers sliding over 128
  EXPECT_EQ(Mebibytes(Config(12, 12, 128, 8, 64), 8192, TensorType::kF16), 210);
  EXPECT_EQ(Mebibytes(Config(18, 18, 128, 8, 64), 131072, TensorType::kF16), 4635);
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
  EXPECT_FALSE(CheckCacheTypes(Config(1, 0, 0, 1, 256), Options(8, TensorType::kQ4_K)).ok());
}

struct TargetCase {
  const char* family;
  CacheTarget target;
  TensorType type;
  const char* refusal;  // empty: accepted
};

TEST(CheckCacheTypes, OtherProgramsRefuse) {
  constexpr TargetCase cases[] = {
      {"gpt-oss", CacheTarget::kThisRuntime, TensorType::kQ8_0, ""},
      {"gpt-oss", CacheTarget::kLlamaCpp, TensorType::kQ8_0, ""},
      {"gpt-oss", CacheTarget::kOllama, TensorType::kQ8_0, ""},
      {"gpt-oss", CacheTarget::kOllamaBeforeOct2025, TensorType::kF16, ""},
      {"gpt-oss", CacheTarget::kOllamaBeforeOct2025, TensorType::kQ8_0,
       "a Q8_0 cache of a gpt-oss model: its attention has sinks, for which Ollama had no "
       "quantized kernels before October 2025; use f16"},
      {"llama", CacheTarget::kOllamaBeforeOct2025, TensorType::kQ4_0, ""},
      {"llama", CacheTarget::kLlamaCpp, TensorType::kQ5_1, ""},
      {"llama", CacheTarget::kOllama, TensorType::kQ5_1,
       "cache type Q5_1 is none of Ollama's: use f16, q8_0 or q4_0"},
      {"gemma2", CacheTarget::kThisRuntime, TensorType::kQ4_0, ""},
      {"gemma2", CacheTarget::kOllama, TensorType::kQ4_0,
       "a Q4_0 cache of a gemma2 model: its attention caps scores, which Ollama runs without flash "
       "attention, and a quantized cache needs that; use f16"},
  };
  for (const TargetCase& c : cases) {
    ModelConfig config = Config(2, 2, 128, 8, 64);
    config.family = FindModelFamily(c.family);
    config.attention_cap = absl::string_view(c.family) == "gemma2" ? 50.0f : 0.0f;
    EXPECT_EQ(CheckCacheTypes(config, Options(8, c.type), c.target).message(), c.refusal);
  }
  CacheOptions options = Options(8, TensorType::kF16);
  options.value_type = TensorType::kQ8_0;
  EXPECT_TRUE(CheckCacheTypes(Config(1, 0, 0, 1, 64), options, CacheTarget::kLlamaCpp).ok());
  EXPECT_FALSE(CheckCacheTypes(Config(1, 0, 0, 1, 64), options, CacheTarget::kOllama).ok());
}

TEST(ParseCacheType, KnowsNames) {
  EXPECT_EQ(*ParseCacheType("q8_0"), TensorType::kQ8_0);
  EXPECT_EQ(*ParseCacheType("IQ4_NL"), TensorType::kIQ4_NL);
  EXPECT_EQ(
      ParseCacheType("q6_k").status().message(),
      "'q6_k' is no cache type, expected one of f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, "
      "iq4_nl");
}

class KvCacheTest : public testing::Test {
 protected:
  KvCacheTest() : config_(Config(1, 1, 4, 1, 32)) {
    CacheOptions options = Options(1024, TensorType::kF32);
    options.batch = 16;  // 256 cells in the sliding layer
    cache_.emplace(*KvCache::Create(config_, options));
  }

  std::vector<int32_t> Visible(uint32_t layer) {
    AttentionInput input;
    cache_->View(layer, &input);
    return {input.cell_positions.begin(), input.cell_positions.end()};
  }

  ModelConfig config_;
  absl::optional<KvCache> cache_;
};

TEST_F(KvCacheTest, SlidingLayersSeeTheirWindow) {
  ASSERT_TRUE(cache_->Reserve(0, 3).ok());
  ASSERT_TRUE(cache_->Reserve(0, 3).ok());
  EXPECT_EQ(Visible(0), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Visible(1), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  ASSERT_TRUE(cache_->Reserve(0, 1).ok());
  EXPECT_EQ(Visible(0), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Visible(1), (std::vector<int32_t>{3, 4, 5, 6}));
  EXPECT_EQ(cache_->positions(), (std::vector<int32_t>{6}));
  EXPECT_EQ(cache_->Length(0), 7);
}

TEST_F(KvCacheTest, StoresWhatIsRead) {
  ASSERT_TRUE(cache_->Reserve(0, 2).ok());
  std::vector<float> keys(32, 1.5f), values(32, -2.5f);
  cache_->Store(1, 1, keys.data(), values.data());
  AttentionInput input;
  cache_->View(1, &input);
  const auto* key = reinterpret_cast<const float*>(input.keys.data) + 32 * input.cells[1];
  const auto* value = reinterpret_cast<const float*>(input.values.data) + 32 * input.cells[1];
  EXPECT_EQ(key[31], 1.5f);
  EXPECT_EQ(value[0], -2.5f);
}

TEST_F(KvCacheTest, ForgetsWhatNoQuerySees) {
  for (int i = 0; i < 1024 / 16; ++i) ASSERT_TRUE(cache_->Reserve(0, 16).ok()) << i;
  EXPECT_EQ(cache_->Length(0), 1024);
  EXPECT_EQ(Visible(1).front(), 1024 - 16 - 3);
  const absl::Status full = cache_->Reserve(0, 1);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      full.message(),
      "no slot for 1 tokens of sequence 0 from position 1024: the F32/F32 cache of 320.0 KiB "
      "holds 1024 of 1024 cells (window none, largest free run 0, sequence 0 has 1024 at 0 to "
      "1023) and 256 of 256 cells (window 4, largest free run 0, sequence 0 has 256 at 768 to "
      "1023); use a larger context, fewer sequences, or remove some");
}

TEST_F(KvCacheTest, SequencesDoNotSeeEachOther) {
  ASSERT_TRUE(cache_->Reserve(0, 2).ok());
  ASSERT_TRUE(cache_->Reserve(5, 3).ok());
  EXPECT_EQ(Visible(0), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(cache_->Length(0), 2);
  EXPECT_EQ(cache_->Length(5), 3);
  EXPECT_EQ(cache_->Length(6), 0);
}

TEST_F(KvCacheTest, GoesBackWhileTheWindowIsThere) {
  // 320 tokens, of which the sliding layer has kept 64 to 319.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(cache_->Reserve(0, 16).ok());
  EXPECT_EQ(cache_->Truncate(0, 66).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cache_->Length(0), 320);
  ASSERT_TRUE(cache_->Truncate(0, 300).ok());
  EXPECT_EQ(cache_->Length(0), 300);
  ASSERT_TRUE(cache_->Truncate(0, 0).ok());
  EXPECT_EQ(cache_->Length(0), 0);
  ASSERT_TRUE(cache_->Reserve(0, 16).ok());
  EXPECT_EQ(Visible(1).size(), 16u);
}

}  // namespace
}  // namespace gguf
