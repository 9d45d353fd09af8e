#include "tools/advice/memory_need.h"

#include <memory>

#include "gtest/gtest.h"
#include "runtime/kv_cache.h"
#include "tools/advice/model_shape.h"

namespace gguf {
namespace {

constexpr double kMebibyte = 1 << 20;

ModelConfig ConfigOf(absl::string_view name) {
  return *ReadModelConfig(OpenShape(*FindShapes(name).front())->metadata());
}

ContextOptions Context(uint64_t tokens) {
  ContextOptions options;
  options.context = tokens;
  return options;
}

TEST(CellsOf, RoundsUpAndKeepsWindows) {
  const struct {
    uint32_t window;
    uint64_t context, reserve, pad, micro_batch, cells;
  } cases[] = {
      {0, 8192, 0, 256, 512, 8192},    {0, 8193, 0, 256, 512, 8448},
      {0, 1, 0, 256, 512, 256},        {0, 32768, 80, 256, 512, 33024},  // KoboldCPP
      {0, 100, 0, 1, 512, 100},        {0, 100, 0, 32, 512, 128},
      {1024, 8192, 0, 256, 512, 1536}, {1024, 1000, 0, 256, 512, 1024},  // the context is less
      {128, 8192, 0, 256, 512, 768},   {4096, 8192, 0, 256, 64, 4352},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(CellsOf(test.window, {test.context, test.reserve, test.pad, test.micro_batch}),
              test.cells)
        << test.window << " " << test.context;
  }
}

// Two figures published of one model: 2064.00 MiB each for keys and values in f16 with 80 spare
// cells, 1088.00 in q8_0 without.
TEST(CacheNeed, MatchesPublishedFigures) {
  const ModelConfig mistral = ConfigOf("Mistral-7B");
  ContextOptions context = Context(32768);
  EXPECT_EQ(CacheNeed(mistral, context, TensorType::kQ8_0, TensorType::kQ8_0),
            2 * 1088.0 * kMebibyte);
  context.reserve = 80;
  EXPECT_EQ(CacheNeed(mistral, context, TensorType::kF16, TensorType::kF16),
            2 * 2064.0 * kMebibyte);
  EXPECT_EQ(CacheNeed(ConfigOf("Gemma-3-27B"), Context(32768), TensorType::kF16, TensorType::kF16),
            3184.0 * kMebibyte);
  EXPECT_EQ(
      CacheNeed(ConfigOf("gpt-oss-120B"), Context(131072), TensorType::kF16, TensorType::kF16),
      4635.0 * kMebibyte);
}

// With the usual padding it is what the runtime allocates.
TEST(CacheNeed, IsWhatTheRuntimeTakes) {
  for (const ModelShape& shape : PublishedShapes()) {
    const ModelConfig config = ConfigOf(shape.name);
    for (const uint64_t tokens : {1, 511, 5000, 8192}) {
      CacheOptions options;
      options.context = static_cast<uint32_t>(tokens);
      options.key_type = TensorType::kF16;
      options.value_type = TensorType::kQ8_0;
      EXPECT_EQ(CacheNeed(config, Context(tokens), options.key_type, options.value_type),
                CacheBytes(config, options))
          << shape.name;
    }
  }
}

TEST(CacheNeed, EncodersHaveNone) {
  ModelConfig config;
  config.family = FindModelFamily("bert");
  config.windows = {0};
  config.num_kv_heads = config.key_length = config.value_length = 32;
  EXPECT_EQ(CacheNeed(config, Context(512), TensorType::kF16, TensorType::kF16), 0);
}

TEST(BufferNeed, IsLogitsHiddenStateAndMask) {
  // 512 * (128256 + 4096) * 4 = 258.5 MiB, and 512 * 8192 * 2 = 8 MiB
  EXPECT_EQ(BufferNeed(128256, 4096, Context(8192)), (258.5 + 8) * kMebibyte);
  ContextOptions small = Context(256);
  small.micro_batch = 1;
  EXPECT_EQ(BufferNeed(1000, 24, small), 1024 * 4 + 256 * 2);
}

}  // namespace
}  // namespace gguf
