#include "runtime/vision/vision_tower.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/codec/codec.h"
#include "gtest/gtest.h"
#include "runtime/vision/testing.h"

namespace gguf {
namespace {

std::vector<float> EmbedGolden(const std::string& path, int threads = 1) {
  const auto model = VisionModel::Open(path);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return {};
  VisionOptions options;
  options.threads = threads;
  const auto tower = VisionTower::Create(**model, options);
  EXPECT_TRUE(tower.ok()) << tower.status();
  if (!tower.ok()) return {};
  auto rows = (*tower)->Embed(Golden<float>("pixel_values"));
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? *std::move(rows) : std::vector<float>();
}

// Largest difference, of the expected values' root mean square.
double Difference(const std::vector<float>& rows, const std::vector<float>& expected) {
  EXPECT_EQ(rows.size(), expected.size());
  if (rows.size() != expected.size()) return 1e9;
  double largest = 0.0, squares = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    largest = std::max(largest, std::abs(double{rows[i]} - expected[i]));
    squares += double{expected[i]} * expected[i];
  }
  return largest / std::sqrt(squares / rows.size());
}

// Float32 sums of another order stay below a tenth of it; erf instead of tanh in the GELU, a wrong
// epsilon or a shifted patch is far above.
constexpr double kTolerance = 2e-5;

TEST(VisionTower, AgreesWithTheTrainingLibrary) {
  const auto expected = Golden<float>("image_embeds");
  for (const VisionLayout layout : {VisionLayout::kProjectorFile, VisionLayout::kOllama}) {
    const std::string path = TinyTower(layout).Write("tower");
    const double difference = Difference(EmbedGolden(path), expected);
    RecordProperty("difference", std::to_string(difference));
    EXPECT_LE(difference, kTolerance);
  }
}

TEST(VisionTower, DoesNotDependOnThreads) {
  const std::string path = TinyTower(VisionLayout::kProjectorFile).Write("threads");
  const std::vector<float> expected = EmbedGolden(path);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(EmbedGolden(path, threads), expected) << threads;
}

// Early converters wrote fc1 as ffn_down and fc2 as ffn_up, biases included.
TEST(VisionTower, ReadsFilesWithExchangedFeedForwardNames) {
  VisionFile file = TinyTower(VisionLayout::kProjectorFile);
  for (const char* layer : {"v.blk.0.", "v.blk.1."}) {
    for (const char* part : {".weight", ".bias"}) {
      const std::string up = absl::StrCat(layer, "ffn_up", part);
      const std::string down = absl::StrCat(layer, "ffn_down", part);
      file.Rename(up, "other");
      file.Rename(down, up);
      file.Rename("other", down);
    }
  }
  EXPECT_LE(Difference(EmbedGolden(file.Write("exchanged")), Golden<float>("image_embeds")),
            kTolerance);
}

TEST(VisionTower, NumberOfPixels) {
  const std::string path = TinyTower(VisionLayout::kOllama).Write("pixels");
  const auto model = VisionModel::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto tower = VisionTower::Create(**model, VisionOptions());
  ASSERT_TRUE(tower.ok()) << tower.status();
  const auto rows = (*tower)->Embed(std::vector<float>(100));
  EXPECT_EQ(rows.status().message(), "an image of 100 values, expected 3 times 56 by 56 pixels");
}

TEST(VisionTower, StopsBetweenLayers) {
  const std::string path = TinyTower(VisionLayout::kProjectorFile).Write("stop");
  const auto model = VisionModel::Open(path);
  ASSERT_TRUE(model.ok()) << model.status();
  int asked = 0;
  VisionOptions options;
  options.is_cancelled = [&] { return ++asked == 2; };
  const auto tower = VisionTower::Create(**model, options);
  ASSERT_TRUE(tower.ok()) << tower.status();
  const auto pixels = Golden<float>("pixel_values");
  EXPECT_EQ((*tower)->Embed(pixels).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE((*tower)->Embed(pixels).ok());
}

// What the header promises of memory, at the size that people use.
TEST(VisionTower, BuffersOfGemma3) {
  VisionConfig c;
  c.image_size = 896;
  c.patch_size = 14;
  c.embedding = 1152;
  c.feed_forward = 4304;
  c.num_heads = 16;
  c.pooling = 4;
  c.projection = 2560;
  EXPECT_EQ(c.num_tokens(), 256u);
  const uint64_t mebibyte = 1 << 20;
  EXPECT_GT(VisionTower::BufferBytes(c), 100 * mebibyte);
  EXPECT_LT(VisionTower::BufferBytes(c), 200 * mebibyte);
}

}  // namespace
}  // namespace gguf
