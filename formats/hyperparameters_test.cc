#include "formats/hyperparameters.h"

#include <string>
#include <vector>

#include "formats/vision/tower_family.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Metadata Llama() {
  Metadata metadata;
  metadata.Set("general.architecture", "llama");
  metadata.Set("general.name", "one name");
  metadata.Set("llama.block_count", uint32_t{2});
  metadata.Set("llama.rope.freq_base", 10000.0f);
  metadata.Set("llama.rope.scaling.type", "linear");
  metadata.Set("llama.vocab_size", uint32_t{640});
  metadata.Set("llama.head_counts", Array{std::vector<int32_t>{4, 8}});
  return metadata;
}

TEST(Hyperparameters, OfOneModelAreEqual) {
  Metadata other = Llama();
  other.Set("general.name", "another name");
  other.Set("llama.block_count", uint64_t{2});              // in another type
  other.Set("llama.rope.freq_base", 10000.0 * (1 + 5e-7));  // and with another rounding
  other.Set("llama.vocab_size", uint32_t{641});             // padding
  EXPECT_THAT(DifferentHyperparameters(other, Llama()), IsEmpty());
  EXPECT_THAT(DifferentHyperparameters(Llama(), Llama()), IsEmpty());
}

TEST(Hyperparameters, EveryDifferenceIsASentence) {
  Metadata other = Llama();
  other.Set("llama.block_count", uint32_t{3});
  other.Set("llama.rope.freq_base", 10001.0f);
  other.Set("llama.rope.scaling.type", "yarn");
  other.Set("llama.head_counts", Array{std::vector<int32_t>{4, 4}});
  const std::vector<std::string> found = DifferentHyperparameters(other, Llama());
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[0], "key llama.block_count: is 3, expected 2 as in the reference");
  EXPECT_THAT(found[1], AllOf(HasSubstr("llama.rope.freq_base"), HasSubstr("10001")));
  EXPECT_THAT(found[2], AllOf(HasSubstr("yarn"), HasSubstr("linear")));
  EXPECT_THAT(found[3], HasSubstr("llama.head_counts"));
}

TEST(Hyperparameters, WhatOnlyOneFileSaysIsNotCompared) {
  Metadata other = Llama();
  other.Remove("llama.block_count");
  other.Set("llama.attention.head_count", uint32_t{1});
  // One number for all layers, and a list of them, are two ways to say a thing.
  other.Set("llama.head_counts", uint32_t{4});
  EXPECT_THAT(DifferentHyperparameters(other, Llama()), IsEmpty());
  EXPECT_THAT(DifferentHyperparameters(Llama(), other), IsEmpty());
}

TEST(Hyperparameters, AnotherArchitectureIsTheOnlyFinding) {
  Metadata other = Llama();
  other.Set("general.architecture", "qwen2");
  other.Set("llama.block_count", uint32_t{9});
  EXPECT_THAT(DifferentHyperparameters(other, Llama()),
              ElementsAre(AllOf(HasSubstr("general.architecture"), HasSubstr("qwen2"),
                                HasSubstr("expected llama"))));
  other.Remove("general.architecture");
  EXPECT_THAT(DifferentHyperparameters(other, Llama()), SizeIs(1));
}

Metadata Gemma(uint32_t context) {
  Metadata metadata;
  metadata.Set("general.architecture", "gemma3");
  metadata.Set("gemma3.context_length", context);
  return metadata;
}

TEST(Hyperparameters, WhatGemmaLeavesToTheEngineIsKnown) {
  Metadata llama_cpp = Gemma(131072), ollama = Gemma(131072);
  llama_cpp.Set("gemma3.rope.freq_base", 1e6f);
  llama_cpp.Set("gemma3.attention.layer_norm_rms_epsilon", 1e-6f);
  ollama.Set("gemma3.rope.global.freq_base", 1e6f);
  ollama.Set("gemma3.rope.scaling.type", "linear");
  ollama.Set("gemma3.rope.scaling.factor", 8.0f);
  ollama.Set("gemma3.vision.block_count", uint32_t{27});  // a tower's, compared elsewhere
  EXPECT_THAT(DifferentHyperparameters(ollama, llama_cpp), IsEmpty());
  EXPECT_THAT(DifferentHyperparameters(llama_cpp, ollama), IsEmpty());

  // One number under two names.
  ollama.Set("gemma3.rope.global.freq_base", 5e5f);
  EXPECT_THAT(
      DifferentHyperparameters(ollama, llama_cpp),
      ElementsAre(HasSubstr("gemma3.rope.freq_base"), HasSubstr("gemma3.rope.global.freq_base")));
  ollama.Set("gemma3.rope.global.freq_base", 1e6f);
  ollama.Set("gemma3.rope.scaling.factor", 4.0f);
  EXPECT_THAT(DifferentHyperparameters(ollama, llama_cpp),
              ElementsAre(AllOf(HasSubstr("gemma3.rope.scaling.factor"), HasSubstr("is 4"),
                                HasSubstr("expected 8"))));
}

TEST(Hyperparameters, ShortContextsAreNotStretched) {
  Metadata stretched = Gemma(32768);
  stretched.Set("gemma3.rope.scaling.type", "linear");
  // Nothing is taken for granted below 131072, so there is nothing to compare with.
  EXPECT_THAT(DifferentHyperparameters(stretched, Gemma(32768)), IsEmpty());
  EXPECT_THAT(DifferentHyperparameters(Gemma(8192), Gemma(32768)),
              ElementsAre(HasSubstr("gemma3.context_length")));
}

TowerSizes Siglip() {
  TowerSizes sizes;
  sizes.blocks = 27;
  sizes.width = 1152;
  sizes.feed_forward = 4304;
  sizes.heads = 16;
  sizes.image_size = 896;
  sizes.patch_size = 14;
  sizes.pool = 4;
  sizes.epsilon = 1e-6f;
  return sizes;
}

TEST(TowerHyperparameters, EachNumberIsNamedAsItsContainerNamesIt) {
  const struct {
    uint64_t TowerSizes::*field;
    const char *mmproj, *ollama;
  } kFields[] = {
      {&TowerSizes::blocks, "clip.vision.block_count", "gemma3.vision.block_count"},
      {&TowerSizes::width, "clip.vision.embedding_length", "gemma3.vision.embedding_length"},
      {&TowerSizes::feed_forward, "clip.vision.feed_forward_length",
       "gemma3.vision.feed_forward_length"},
      {&TowerSizes::heads, "clip.vision.attention.head_count",
       "gemma3.vision.attention.head_count"},
      {&TowerSizes::image_size, "clip.vision.image_size", "gemma3.vision.image_size"},
      {&TowerSizes::patch_size, "clip.vision.patch_size", "gemma3.vision.patch_size"},
      {&TowerSizes::pool, "clip.vision.projector.scale_factor", "gemma3.mm.tokens_per_image"},
  };
  for (const auto& [field, mmproj, ollama] : kFields) {
    TowerSizes other = Siglip();
    other.*field += 1;
    EXPECT_THAT(DifferentTowers(other, Siglip(), false, true), ElementsAre(HasSubstr(mmproj)));
    EXPECT_THAT(DifferentTowers(other, Siglip(), true, false), ElementsAre(HasSubstr(ollama)));
  }
  EXPECT_THAT(DifferentTowers(Siglip(), Siglip(), false, true), IsEmpty());
}

TEST(TowerHyperparameters, EpsilonAndColors) {
  TowerSizes other = Siglip();
  other.epsilon = 1e-5f;
  EXPECT_THAT(DifferentTowers(other, Siglip(), true, false),
              ElementsAre(HasSubstr("gemma3.vision.attention.layer_norm_epsilon")));
  other = Siglip();
  other.image_mean[1] = 0.25f;
  other.image_std[2] = 0.25f;
  EXPECT_THAT(DifferentTowers(other, Siglip(), false, true),
              ElementsAre(HasSubstr("clip.vision.image_mean"), HasSubstr("clip.vision.image_std")));
  EXPECT_THAT(DifferentTowers(other, Siglip(), false, false),
              IsEmpty());  // not said by a container
}

TEST(TowerHyperparameters, AnotherFamilyIsTheOnlyFinding) {
  TowerSizes other = Siglip();
  other.family = &kQwen2VlTower;
  other.blocks = 1;
  EXPECT_THAT(DifferentTowers(other, Siglip(), false, true),
              ElementsAre(AllOf(HasSubstr("clip.projector_type"), HasSubstr("qwen2vl_merger"),
                                HasSubstr("expected gemma3"))));
}

}  // namespace
}  // namespace gguf
