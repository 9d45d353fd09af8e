#include "formats/vision/tower.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/hf_config.h"
#include "formats/vision/tower_family.h"
#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

// The tower of the published models, with the width of the 4B.
constexpr char kSiglip[] = R"({"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
    "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27,
    "patch_size": 14})";

absl::StatusOr<TowerSizes> FromConfig(const std::string& text, uint64_t tokens = 256,
                                      uint64_t num_tensors = 1000) {
  const absl::StatusOr<HfConfig> config = HfConfig::Parse(
      "config.json",
      absl::StrCat(R"({"architectures": ["Gemma3ForConditionalGeneration"], "vision_config": )",
                   text, "}"));
  if (!config.ok()) return config.status();
  return TowerFromConfig(*config, tokens, 2560, num_tensors);
}

TowerSizes Siglip() { return *FromConfig(kSiglip); }

std::string ErrorOf(const absl::StatusOr<TowerSizes>& sizes) {
  return sizes.ok() ? "no error" : std::string(sizes.status().message());
}

TEST(Tower, HasThePublishedCountsAndSizes) {
  const std::vector<TowerTensor> tensors = ListTowerTensors(Siglip());
  EXPECT_EQ(tensors.size(), 439u);
  EXPECT_EQ(TowerTensorsPerBlock(kGemma3Tower), 16u);
  uint64_t values = 0, ollama_bytes = 0, mmproj_bytes = 0;
  std::set<std::string> names[3];
  for (const TowerTensor& tensor : tensors) {
    values += tensor.shape.num_values();
    ollama_bytes += *TensorBytes(tensor.ollama_type, tensor.shape);
    mmproj_bytes +=
        *TensorBytes(ResolveTowerType(tensor.mmproj_type, TensorType::kF16), tensor.shape);
    names[0].insert(tensor.checkpoint);
    names[1].insert(tensor.mmproj);
    names[2].insert(tensor.ollama);
    EXPECT_TRUE(IsTowerTensor(tensor.mmproj) && IsTowerTensor(tensor.ollama)) << tensor.mmproj;
  }
  EXPECT_EQ(values, 419816304u);
  EXPECT_EQ(ollama_bytes, 840434112u);
  EXPECT_EQ(mmproj_bytes, 851226048u);
  for (const auto& set : names) EXPECT_EQ(set.size(), tensors.size());
}

TEST(Tower, OnlyTheProjectorsNormAddsOne) {
  for (const TowerTensor& tensor : ListTowerTensors(Siglip())) {
    EXPECT_EQ(tensor.adds_one, tensor.mmproj == "mm.soft_emb_norm.weight") << tensor.mmproj;
  }
}

TEST(Tower, NormalizesThePrefixesInUse) {
  const std::map<std::string, std::string> kNames = {
      {"vision_tower.vision_model.post_layernorm.bias", "vision_tower.post_layernorm.bias"},
      {"model.vision_tower.vision_model.post_layernorm.bias", "vision_tower.post_layernorm.bias"},
      {"model.vision_tower.post_layernorm.bias", "vision_tower.post_layernorm.bias"},
      {"vision_model.vision_model.post_layernorm.bias", "vision_tower.post_layernorm.bias"},
      {"model.multi_modal_projector.mm_soft_emb_norm.weight",
       "multi_modal_projector.mm_soft_emb_norm.weight"},
  };
  for (const auto& [name, expected] : kNames) EXPECT_EQ(NormalizeTowerName(name), expected);
  for (const char* name : {"language_model.model.norm.weight", "model.norm.weight",
                           "lm_head.weight", "model.language_model.layers.0.mlp.up_proj.weight"}) {
    EXPECT_FALSE(NormalizeTowerName(name).has_value()) << name;
  }
}

TEST(Tower, MetadataOfBothContainersGiveTheSizesBack) {
  TowerSizes sizes = Siglip();
  sizes.image_std = {0.25f, 0.5f, 0.75f};
  Metadata mmproj, ollama;
  SetMmprojMetadata(sizes, &mmproj);
  EXPECT_FALSE(mmproj.Has(keys::kClipVisionProjectorScaleFactor));  // 4 goes without saying
  ollama.Set("gemma3.embedding_length", uint32_t{2560});
  SetOllamaTowerMetadata(sizes, &ollama);
  EXPECT_EQ(*ollama.GetUint("gemma3.mm.tokens_per_image"), 256u);
  const auto from_mmproj = TowerFromMmproj("a", mmproj, 439);
  const auto from_ollama = TowerFromOllama("b", ollama, 439);
  ASSERT_TRUE(from_mmproj.ok()) << from_mmproj.status();
  ASSERT_TRUE(from_ollama.ok()) << from_ollama.status();
  for (const TowerSizes& found : {*from_mmproj, *from_ollama}) {
    EXPECT_EQ(found.blocks, 27u);
    EXPECT_EQ(found.width, 1152u);
    EXPECT_EQ(found.feed_forward, 4304u);
    EXPECT_EQ(found.positions, 4096u);
    EXPECT_EQ(found.pool, 4u);
    EXPECT_EQ(found.text_width, 2560u);
    EXPECT_EQ(found.epsilon, 1e-6f);
  }
  EXPECT_EQ(from_mmproj->image_std[0], 0.25f);
}

TEST(Tower, OtherPoolsAreSaid) {
  const auto sizes = FromConfig(kSiglip, 64);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->pool, 8u);
  Metadata metadata;
  SetMmprojMetadata(*sizes, &metadata);
  EXPECT_EQ(*metadata.GetUint(keys::kClipVisionProjectorScaleFactor), 8u);
  EXPECT_EQ(TowerFromMmproj("a", metadata, 439)->tokens_per_image(), 64u);
}

TEST(Tower, KeysThatConfigOmitsHaveTheClassesDefaults) {
  const auto sizes = FromConfig("{}", 49);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->width, 768u);
  EXPECT_EQ(sizes->blocks, 12u);
  EXPECT_EQ(sizes->pool, 2u);
}

TEST(Tower, ConfigsThatContradictThemselvesAreRefused) {
  EXPECT_THAT(ErrorOf(FromConfig(R"({"patch_size": 0})")), HasSubstr("patch_size is 0"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"patch_size": 13})")), HasSubstr("whole patches of 13"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"num_attention_heads": 7})")), HasSubstr("whole heads"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"layer_norm_eps": 0})")), HasSubstr("epsilon"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"hidden_size": -1})")),
              HasSubstr("vision_config.hidden_size"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"hidden_size": 5000000000})")), HasSubstr("below 2^32"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"model_type": "clip_vision_model"})")),
              HasSubstr("only siglip_vision_model"));
  EXPECT_THAT(ErrorOf(FromConfig(R"({"hidden_act": "gelu"})")), HasSubstr("gelu_pytorch_tanh"));
  EXPECT_THAT(ErrorOf(FromConfig(kSiglip, 255)), HasSubstr("255 tokens"));
  EXPECT_THAT(ErrorOf(FromConfig(kSiglip, 0)), HasSubstr("0 tokens"));
  EXPECT_THAT(ErrorOf(FromConfig(kSiglip, ~uint64_t{0})), HasSubstr("tokens"));
}

absl::StatusOr<TowerSizes> OfClass(absl::string_view name, absl::string_view vision,
                                   absl::string_view others = "") {
  const absl::StatusOr<HfConfig> config =
      HfConfig::Parse("config.json", absl::StrCat(R"({"architectures": [")", name,
                                                  R"("], "vision_config": )", vision, others, "}"));
  if (!config.ok()) return config.status();
  return TowerFromConfig(*config, 0, 3584, 2000);
}

// The towers of the published 7B models.
constexpr char kQwen2Class[] = "Qwen2VLForConditionalGeneration";
constexpr char kQwen25Class[] = "Qwen2_5_VLForConditionalGeneration";
constexpr char kLlavaClass[] = "LlavaForConditionalGeneration";
constexpr char kQwen25[] = R"({"hidden_size": 1280, "fullatt_block_indexes": [7, 15, 23, 31]})";
constexpr char kClip[] = R"({"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
    "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24,
    "patch_size": 14})";

TEST(TowerFamilies, HaveThePublishedCounts) {
  const struct {
    absl::StatusOr<TowerSizes> sizes;
    size_t tensors;
    uint64_t values;
  } kTowers[] = {
      // Values: sums over the shapes, by hand.
      {OfClass(kQwen2Class, "{}"), 520, 675759104},
      {OfClass(kQwen25Class, kQwen25), 519, 676550144},
      {OfClass(kLlavaClass, kClip), 377, 0},
  };
  for (const auto& [sizes, count, values] : kTowers) {
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    const std::vector<TowerTensor> tensors = ListTowerTensors(*sizes);
    std::set<std::string> names;
    uint64_t num_values = 0, num_stored = 0;
    std::map<std::string, uint64_t> stored;
    for (const TowerTensor& tensor : tensors) {
      EXPECT_TRUE(IsTowerTensor(tensor.mmproj)) << tensor.mmproj;
      names.insert(tensor.mmproj);
      num_values += tensor.shape.num_values();
      stored[tensor.checkpoint] = tensor.stored_shape.num_values();
    }
    for (const auto& entry : stored) num_stored += entry.second;
    EXPECT_EQ(names.size(), tensors.size());
    EXPECT_EQ(tensors.size(), count) << sizes->family->title;
    EXPECT_EQ(num_values, num_stored) << sizes->family->title;  // no part is lost or there twice
    if (values != 0) {
      EXPECT_EQ(num_values, values) << sizes->family->title;
    }
  }
}

TEST(TowerFamilies, MetadataGiveTheSizesBack) {
  for (const auto& sizes :
       {OfClass(kQwen2Class, "{}"), OfClass(kQwen25Class, kQwen25), OfClass(kLlavaClass, kClip)}) {
    ASSERT_TRUE(sizes.ok()) << sizes.status();
    Metadata metadata;
    SetMmprojMetadata(*sizes, &metadata);
    const auto found = TowerFromMmproj("a", metadata, 2000);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->family, sizes->family);
    for (const auto field : {&TowerSizes::blocks, &TowerSizes::width, &TowerSizes::heads,
                             &TowerSizes::merged_width, &TowerSizes::class_positions,
                             &TowerSizes::full_attention_every, &TowerSizes::text_width}) {
      EXPECT_EQ(*found.*field, *sizes.*field) << sizes->family->title;
    }
    EXPECT_EQ(found->epsilon, sizes->epsilon);
    EXPECT_EQ(found->image_mean, kClipMean);
  }
}

TEST(TowerFamilies, LlavaKnowsItsUnusedBlocks) {
  const auto usual = OfClass(kLlavaClass, kClip);
  ASSERT_TRUE(usual.ok()) << usual.status();
  EXPECT_EQ(usual->blocks, 23u);
  EXPECT_EQ(ListUnusedTensors(*usual).size(), 16u);
  const auto all = OfClass(kLlavaClass, kClip, R"(, "vision_feature_layer": -1)");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(ListUnusedTensors(*all).empty());
}

TEST(TowerFamilies, TypesFollowTheFile) {
  constexpr TensorType kF32 = TensorType::kF32, kF16 = TensorType::kF16, kBF16 = TensorType::kBF16,
                       kQ8 = TensorType::kQ8_0;
  const struct {
    TowerType type;
    TensorType f32, f16, bf16, q8;
  } kTypes[] = {{TowerType::kF32, kF32, kF32, kF32, kF32},
                {TowerType::kF16, kF16, kF16, kF16, kF16},
                {TowerType::kAsAsked, kF32, kF16, kBF16, kQ8},
                {TowerType::kFloatAsAsked, kF32, kF16, kBF16, kF16},
                {TowerType::kF16InF16File, kF32, kF16, kF32, kF32}};
  for (const auto& [type, f32, f16, bf16, q8] : kTypes) {
    EXPECT_EQ(ResolveTowerType(type, kF32), f32);
    EXPECT_EQ(ResolveTowerType(type, kF16), f16);
    EXPECT_EQ(ResolveTowerType(type, kBF16), bf16);
    EXPECT_EQ(ResolveTowerType(type, kQ8), q8);
  }
}

TEST(Tower, AHugeBlockCountIsRefusedBeforeItCostsAnything) {
  EXPECT_THAT(ErrorOf(FromConfig(R"({"num_hidden_layers": 4294967295})", 49)),
              HasSubstr("4294967295 blocks"));
  EXPECT_THAT(ErrorOf(FromConfig(kSiglip, 256, 27 * 16 - 1)), HasSubstr("only 431 tensors"));
}

TEST(Tower, MmprojMetadataAreChecked) {
  Metadata whole;
  SetMmprojMetadata(Siglip(), &whole);
  for (const char* key : {"clip.vision.image_size", "clip.vision.block_count",
                          "clip.vision.projection_dim", "clip.vision.attention.head_count"}) {
    Metadata metadata = whole;
    metadata.Remove(key);
    EXPECT_THAT(ErrorOf(TowerFromMmproj("m.gguf", metadata, 439)), HasSubstr(key));
    metadata.Set(key, "text");
    EXPECT_THAT(ErrorOf(TowerFromMmproj("m.gguf", metadata, 439)), HasSubstr(key));
  }
  Metadata metadata = whole;
  metadata.Set(keys::kClipProjectorType, "ldp");
  EXPECT_THAT(ErrorOf(TowerFromMmproj("m.gguf", metadata, 439)), HasSubstr("\"ldp\""));
  metadata = whole;
  metadata.Set(keys::kClipVisionProjectorScaleFactor, uint32_t{0});
  EXPECT_THAT(ErrorOf(TowerFromMmproj("m.gguf", metadata, 439)), HasSubstr("squares of 0"));
  metadata = whole;
  metadata.Set(keys::kClipVisionImageMean, std::vector<float>{0.5f});
  EXPECT_THAT(ErrorOf(TowerFromMmproj("m.gguf", metadata, 439)), HasSubstr("image_mean"));
}

}  // namespace
}  // namespace gguf
