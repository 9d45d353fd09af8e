#include "runtime/vision/vision_model.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/vision/testing.h"

namespace gguf {
namespace {

constexpr VisionLayout kLayouts[] = {VisionLayout::kProjectorFile, VisionLayout::kOllama};

std::string Refusal(const VisionFile& file) {
  const auto model = VisionModel::Open(file.Write("bad"));
  EXPECT_FALSE(model.ok());
  return std::string(model.status().message());
}

TEST(VisionModel, ReadsBothLayouts) {
  for (const VisionLayout layout : kLayouts) {
    const auto model = VisionModel::Open(TinyTower(layout).Write("good"));
    ASSERT_TRUE(model.ok()) << model.status();
    const VisionConfig& c = (*model)->config();
    EXPECT_EQ(c.layout, layout);
    EXPECT_EQ(c.grid(), 4u);
    EXPECT_EQ(c.pooling, 2u);
    EXPECT_EQ(c.num_tokens(), 4u);
    EXPECT_EQ(c.projection, 128u);
    EXPECT_EQ((*model)->weights().projection.size(), 128u * 64);
    EXPECT_GT((*model)->weight_bytes(), 4u * 2 * 2 * 64 * 112);
  }
}

// One value of the metadata changed, and what the error must say.
struct BadKey {
  const char* key;
  Value value;  // of type uint8 0: removed
  const char* message;
};

TEST(VisionModel, EveryKeyIsChecked) {
  const BadKey cases[] = {
      {"general.architecture", Value("llama"),
       "key general.architecture is \"llama\", expected \"clip\" (a projector file)"},
      {"clip.has_vision_encoder", Value(false), "expected a vision tower"},
      {"clip.projector_type", Value("mlp"), "key clip.projector_type is \"mlp\", expected"},
      {"clip.projector_type", Value(uint8_t{0}), "key clip.projector_type is \"\", expected"},
      {"clip.vision.image_size", Value(uint32_t{0}),
       "key clip.vision.image_size is 0, expected 1 to 16384"},
      {"clip.vision.image_size", Value(uint32_t{1} << 20), "key clip.vision.image_size is"},
      {"clip.vision.image_size", Value(uint32_t{57}), "expected whole patches"},
      {"clip.vision.patch_size", Value(uint32_t{0}), "expected 1 to 56"},
      {"clip.vision.patch_size", Value("14"), "clip.vision.patch_size"},
      {"clip.vision.block_count", Value(uint32_t{1} << 30), "expected 1 to 1024"},
      {"clip.vision.embedding_length", Value(uint8_t{0}), "clip.vision.embedding_length"},
      {"clip.vision.embedding_length", Value(uint32_t{65}), "expected a divisor"},
      {"clip.vision.attention.head_count", Value(uint32_t{3}),
       "key clip.vision.attention.head_count is 3, expected a divisor of the embedding length 64"},
      {"clip.vision.attention.layer_norm_epsilon", Value(-1.0f), "expected a finite number"},
      {"clip.vision.projector.scale_factor", Value(uint32_t{3}),
       "key clip.vision.projector.scale_factor is 3, expected a divisor of the 4 patches"},
      {"clip.vision.projector.scale_factor", Value(uint32_t{0}), "expected 1 to 4"},
      {"clip.vision.projection_dim", Value(uint32_t{0}), "clip.vision.projection_dim is 0"},
      {"clip.vision.image_mean", Value(std::vector<float>{0.5f, 0.5f}),
       "expected three floats of at least -1000"},
      {"clip.vision.image_std", Value(std::vector<float>{0.5f, 0.0f, 0.5f}),
       "expected three floats"},
      {"clip.vision.image_std", Value("x"), "expected three floats"},
      {"clip.vision.num_channels", Value(uint32_t{1}), "num_channels is 1, expected 3 to 3"},
  };
  for (const BadKey& c : cases) {
    SCOPED_TRACE(c.key);
    VisionFile file = TinyTower(VisionLayout::kProjectorFile);
    if (c.value == Value(uint8_t{0})) {
      file.metadata.Remove(c.key);
    } else {
      file.metadata.Set(c.key, c.value);
    }
    const std::string message = Refusal(file);
    EXPECT_TRUE(absl::StrContains(message, c.message)) << message;
    EXPECT_TRUE(absl::StrContains(message, "bad.gguf: ")) << message;
  }
}

TEST(VisionModel, OllamasTokensPerImage) {
  VisionFile file = TinyTower(VisionLayout::kOllama);
  file.metadata.Set("gemma3.mm.tokens_per_image", uint32_t{5});
  EXPECT_TRUE(
      absl::StrContains(Refusal(file),
                        "key gemma3.mm.tokens_per_image is 5, expected what squares of the 4 by 4 "
                        "patches make (16, 4, ...)"));
  // The spelling that Ollama's engine asked for; and its default, too many for this tower.
  file.metadata.Remove("gemma3.mm.tokens_per_image");
  EXPECT_TRUE(absl::StrContains(Refusal(file), "tokens_per_image is 256"));
  file.metadata.Set("gemma3.mm_tokens_per_image", uint32_t{16});
  const auto model = VisionModel::Open(file.Write("sixteen"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->config().pooling, 1u);
}

TEST(VisionModel, EveryTensorIsNeededAndHasItsShape) {
  for (const VisionLayout layout : kLayouts) {
    const VisionFile good = TinyTower(layout);
    for (const TensorSpec& tensor : good.tensors) {
      SCOPED_TRACE(tensor.name);
      if (!absl::EndsWith(tensor.name, ".bias") || absl::StrContains(tensor.name, "norm")) {
        VisionFile file = good;
        file.Remove(tensor.name);
        EXPECT_TRUE(absl::StrContains(
            Refusal(file), absl::StrCat("tensor ", tensor.name, " is missing, expected one of")));
      }
      VisionFile file = good;
      file.Find(tensor.name)->shape = {5, 7};
      file.data[file.Find(tensor.name) - file.tensors.data()].clear();
      EXPECT_TRUE(absl::StrContains(
          Refusal(file), absl::StrCat("tensor ", tensor.name, " has shape [5, 7], expected [")));
    }
  }
}

TEST(VisionModel, UnknownTensorsAreRefused) {
  for (const VisionLayout layout : kLayouts) {
    VisionFile file = TinyTower(layout);
    file.tensors.push_back({"v.blk.2.attn_q.weight", TensorType::kF32, {64, 64}});
    EXPECT_TRUE(absl::StrContains(Refusal(file),
                                  "tensor v.blk.2.attn_q.weight has no part in a "
                                  "vision tower of Gemma 3"));
  }
  VisionFile text = TinyTower(VisionLayout::kProjectorFile);
  text.tensors.push_back({"token_embd.weight", TensorType::kF32, {10, 64}});
  EXPECT_TRUE(absl::StrContains(Refusal(text), "tensor token_embd.weight has no part"));
}

TEST(VisionModel, TextModelsHaveNone) {
  VisionFile file = TinyTower(VisionLayout::kOllama);
  file.tensors = {{"token_embd.weight", TensorType::kF32, {10, 64}}};
  file.data.clear();
  EXPECT_TRUE(absl::StrContains(Refusal(file), "bad.gguf has no vision tower"));
}

}  // namespace
}  // namespace gguf
