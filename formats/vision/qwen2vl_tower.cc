// The vision towers of Qwen 2 VL and 2.5 VL: images of any size, positions by rotation, and a
// projector that takes squares of 2 x 2 patches. Names, keys and types are those of llama.cpp
// (August 2026).

#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = TowerSizes;

constexpr absl::string_view kQwen2Classes[] = {"Qwen2VLForConditionalGeneration"};
constexpr absl::string_view kQwen25Classes[] = {"Qwen2_5_VLForConditionalGeneration"};

// A third of the rows of the stored matrix of queries, keys and values.
constexpr TowerRow Third(absl::string_view mmproj, RowChoice choice) {
  return {.checkpoint = "visual.blocks.N.attn.qkv.weight",
          .mmproj = mmproj,
          .dims = {&S::width, &S::width},
          .type = TowerType::kAsAsked,
          .has_bias = true,
          .choice = choice,
          .parts = 3};
}

// The weights of one of the two frames that a patch spans.
constexpr TowerRow Frame(absl::string_view mmproj, RowChoice choice) {
  return {.checkpoint = "visual.patch_embed.proj.weight",
          .mmproj = mmproj,
          .dims = {&S::width, &S::channels, &S::patch_size, &S::patch_size},
          .type = TowerType::kF16InF16File,
          .choice = choice,
          .parts = 2,
          .part_axis = 2};
}

constexpr TowerRow Matrix(absl::string_view checkpoint, absl::string_view mmproj, TowerField rows,
                          TowerField columns) {
  return {.checkpoint = checkpoint,
          .mmproj = mmproj,
          .dims = {rows, columns},
          .type = TowerType::kAsAsked,
          .has_bias = true};
}

constexpr TowerRow Projector(absl::string_view checkpoint, absl::string_view mmproj,
                             TowerField rows) {
  return {.checkpoint = checkpoint,
          .mmproj = mmproj,
          .dims = {rows, &S::merged_width},
          .type = TowerType::kFloatAsAsked,
          .has_bias = true};
}

constexpr TowerRow Norm(absl::string_view checkpoint, absl::string_view mmproj, bool has_bias) {
  return {.checkpoint = checkpoint, .mmproj = mmproj, .dims = {&S::width}, .has_bias = has_bias};
}

constexpr TowerRow kQwen2Rows[] = {
    Frame("v.patch_embd.weight", RowChoice::kFirstHalf),
    Frame("v.patch_embd.weight.1", RowChoice::kSecondHalf),
    Norm("visual.blocks.N.norm1.weight", "v.blk.N.ln1.weight", true),
    Third("v.blk.N.attn_q.weight", RowChoice::kFirstThird),
    Third("v.blk.N.attn_k.weight", RowChoice::kSecondThird),
    Third("v.blk.N.attn_v.weight", RowChoice::kLastThird),
    Matrix("visual.blocks.N.attn.proj.weight", "v.blk.N.attn_out.weight", &S::width, &S::width),
    Norm("visual.blocks.N.norm2.weight", "v.blk.N.ln2.weight", true),
    Matrix("visual.blocks.N.mlp.fc1.weight", "v.blk.N.ffn_up.weight", &S::feed_forward, &S::width),
    Matrix("visual.blocks.N.mlp.fc2.weight", "v.blk.N.ffn_down.weight", &S::width,
           &S::feed_forward),
    Norm("visual.merger.ln_q.weight", "v.post_ln.weight", true),
    Projector("visual.merger.mlp.0.weight", "mm.0.weight", &S::merged_width),
    Projector("visual.merger.mlp.2.weight", "mm.2.weight", &S::text_width),
};

constexpr TowerRow kQwen25Rows[] = {
    Frame("v.patch_embd.weight", RowChoice::kFirstHalf),
    Frame("v.patch_embd.weight.1", RowChoice::kSecondHalf),
    Norm("visual.blocks.N.norm1.weight", "v.blk.N.ln1.weight", false),
    Third("v.blk.N.attn_q.weight", RowChoice::kFirstThird),
    Third("v.blk.N.attn_k.weight", RowChoice::kSecondThird),
    Third("v.blk.N.attn_v.weight", RowChoice::kLastThird),
    Matrix("visual.blocks.N.attn.proj.weight", "v.blk.N.attn_out.weight", &S::width, &S::width),
    Norm("visual.blocks.N.norm2.weight", "v.blk.N.ln2.weight", false),
    Matrix("visual.blocks.N.mlp.gate_proj.weight", "v.blk.N.ffn_gate.weight", &S::feed_forward,
           &S::width),
    Matrix("visual.blocks.N.mlp.up_proj.weight", "v.blk.N.ffn_up.weight", &S::feed_forward,
           &S::width),
    Matrix("visual.blocks.N.mlp.down_proj.weight", "v.blk.N.ffn_down.weight", &S::width,
           &S::feed_forward),
    Norm("visual.merger.ln_q.weight", "v.post_ln.weight", false),
    Projector("visual.merger.mlp.0.weight", "mm.0.weight", &S::merged_width),
    Projector("visual.merger.mlp.2.weight", "mm.2.weight", &S::text_width),
};

// The size of an image is free; files say 560.
constexpr TowerSizeKey kQwen2SizeKeys[] = {
    {"image_size", 560, keys::kClipVisionImageSize, &S::image_size},
    {"patch_size", 14, keys::kClipVisionPatchSize, &S::patch_size},
    {"embed_dim", 1280, keys::kClipVisionEmbeddingLength, &S::width},
    // The language model's width, under the name of the feed-forward length: readers do not use it,
    // and the field's converter writes it so.
    {"hidden_size", 3584, keys::kClipVisionFeedForwardLength, &S::feed_forward_key},
    {"depth", 32, keys::kClipVisionBlockCount, &S::blocks},
    {"num_heads", 16, keys::kClipVisionHeadCount, &S::heads},
    {"in_channels", 3, "", &S::channels},
};
constexpr TowerSizeKey kQwen25SizeKeys[] = {
    {"image_size", 560, keys::kClipVisionImageSize, &S::image_size},
    {"patch_size", 14, keys::kClipVisionPatchSize, &S::patch_size},
    {"hidden_size", 3584, keys::kClipVisionEmbeddingLength, &S::width},
    {"intermediate_size", 3420, keys::kClipVisionFeedForwardLength, &S::feed_forward},
    {"depth", 32, keys::kClipVisionBlockCount, &S::blocks},
    {"num_heads", 16, keys::kClipVisionHeadCount, &S::heads},
    {"in_channels", 3, "", &S::channels},
};

constexpr TowerConfigCheck kQwen2Checks[] = {
    {"hidden_act", "quick_gelu"}, {"spatial_merge_size", "2"}, {"temporal_patch_size", "2"}};
constexpr TowerConfigCheck kQwen25Checks[] = {
    {"hidden_act", "silu"}, {"spatial_merge_size", "2"}, {"temporal_patch_size", "2"}};
constexpr TowerConfigCheck kQwen25Hints[] = {{"window_size", "112"}};
constexpr TowerFlag kQwen25Flags[] = {{keys::kClipUseSilu, true}};

absl::Status WrongConfig(const HfConfig& config, absl::string_view key, const Json& value,
                         absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(config.file_name(), ": vision_config.", key,
                                                 " is ", value.Describe(), ", expected ", expected,
                                                 "; correct it in the file."));
}

absl::Status ReadQwen2Config(const HfConfig& config, const Json& vision, uint64_t,
                             TowerSizes* sizes) {
  constexpr uint64_t kUsualRatio = 4;
  uint64_t ratio = kUsualRatio;
  if (const Json* found = vision.Find("mlp_ratio")) {
    const double number = found->number().value_or(0);
    ratio = number >= 1 && number <= 64 ? static_cast<uint64_t>(number) : 0;
    if (ratio == 0 || static_cast<double>(ratio) != number) {
      return WrongConfig(config, "mlp_ratio", *found, "a whole number from 1 to 64");
    }
  }
  sizes->feed_forward = sizes->width * ratio;
  return absl::OkStatus();
}

// Every n-th block sees the whole image and the others windows of it, which is what a file can say.
absl::Status ReadQwen25Config(const HfConfig& config, const Json& vision, uint64_t,
                              TowerSizes* sizes) {
  constexpr uint64_t kUsualPattern = 8;
  sizes->full_attention_every = kUsualPattern;
  const Json* found = vision.Find("fullatt_block_indexes");
  if (found == nullptr) return absl::OkStatus();
  const Json::Array* blocks = found->array();
  uint64_t expected = 0;
  for (size_t i = 0; blocks != nullptr && i < blocks->size(); ++i) {
    const uint64_t block = (*blocks)[i].whole_number().value_or(~uint64_t{0});
    if (block >= sizes->blocks || (i > 0 && block != expected)) {
      return WrongConfig(config, "fullatt_block_indexes", *found,
                         "the blocks n - 1, 2 n - 1, 3 n - 1 and so on for some n");
    }
    if (i == 0) sizes->full_attention_every = block + 1;
    expected = block + sizes->full_attention_every;
  }
  if (blocks != nullptr && !blocks->empty() && expected >= sizes->blocks) return absl::OkStatus();
  return WrongConfig(config, "fullatt_block_indexes", *found,
                     "the blocks n - 1, 2 n - 1, 3 n - 1 and so on for some n");
}

absl::Status ReadQwen25Metadata(absl::string_view origin, const Metadata& metadata,
                                TowerSizes* sizes) {
  const absl::StatusOr<uint64_t> pattern = metadata.GetUint(keys::kClipVisionWindowAttentionPattern,
                                                            std::numeric_limits<uint32_t>::max());
  if (!pattern.ok()) {
    return TowerContradiction(origin, kQwen25VlTower, pattern.status().message());
  }
  sizes->full_attention_every = *pattern;
  return absl::OkStatus();
}

void SetQwen25Metadata(const TowerSizes& sizes, Metadata* metadata) {
  metadata->Set(keys::kClipVisionWindowAttentionPattern,
                static_cast<uint32_t>(sizes.full_attention_every));
}

constexpr float kEpsilon = 1e-6f;  // of the training library's classes, which no key changes
constexpr uint64_t kMerge = 2;

}  // namespace

constexpr TowerFamily kQwen2VlTower = {.title = "Qwen 2 VL",
                                       .projector = "qwen2vl_merger",
                                       .classes = kQwen2Classes,
                                       .rows = kQwen2Rows,
                                       .size_keys = kQwen2SizeKeys,
                                       .config_checks = kQwen2Checks,
                                       .flags = {},
                                       .epsilon = kEpsilon,
                                       .image_mean = kClipMean,
                                       .image_std = kClipStd,
                                       .merge = kMerge,
                                       .has_positions = false,
                                       .feed_forward_from_tensors = true,
                                       .read_config = ReadQwen2Config};
constexpr TowerFamily kQwen25VlTower = {.title = "Qwen 2.5 VL",
                                        .projector = "qwen2.5vl_merger",
                                        .classes = kQwen25Classes,
                                        .rows = kQwen25Rows,
                                        .size_keys = kQwen25SizeKeys,
                                        .config_checks = kQwen25Checks,
                                        .flags = kQwen25Flags,
                                        .config_hints = kQwen25Hints,
                                        .epsilon = kEpsilon,
                                        .image_mean = kClipMean,
                                        .image_std = kClipStd,
                                        .merge = kMerge,
                                        .has_positions = false,
                                        .read_config = ReadQwen25Config,
                                        .read_metadata = ReadQwen25Metadata,
                                        .set_metadata = SetQwen25Metadata};

}  // namespace gguf
