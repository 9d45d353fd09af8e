#include "runtime/kv_cache.h"

#include <vector>

#include "gtest/gtest.h"
#include "runtime/cache_testing.h"

namespace gguf {
namespace {

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

TEST_F(KvCacheTest, RefusesTypesThatDoNotFit) {
  CacheOptions options = Options(8, TensorType::kQ8_0);
  EXPECT_TRUE(KvCache::Create(config_, options).ok());
  config_.family = FindModelFamily("gpt-oss");
  EXPECT_EQ(KvCache::Create(config_, options).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

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
