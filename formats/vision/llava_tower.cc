// CLIP's vision tower with the two-layer projector of LLaVA 1.5: the vectors of the last block but
// one become tokens, so that a file has neither the blocks behind nor the last norm. Names and keys
// are those of llama.cpp (August 2026).

#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = TowerSizes;

constexpr absl::string_view kClasses[] = {"LlavaForConditionalGeneration"};

constexpr TowerRow Matrix(absl::string_view checkpoint, absl::string_view mmproj, TowerField rows,
                          TowerField columns, TowerType type = TowerType::kAsAsked) {
  return {.checkpoint = checkpoint,
          .mmproj = mmproj,
          .dims = {rows, columns},
          .type = type,
          .has_bias = true};
}
constexpr TowerRow Norm(absl::string_view checkpoint, absl::string_view mmproj) {
  return {.checkpoint = checkpoint, .mmproj = mmproj, .dims = {&S::width}, .has_bias = true};
}

constexpr TowerRow kRows[] = {
    {.checkpoint = "vision_tower.embeddings.class_embedding",
     .mmproj = "v.class_embd",
     .dims = {&S::width}},
    {.checkpoint = "vision_tower.embeddings.patch_embedding.weight",
     .mmproj = "v.patch_embd.weight",
     .dims = {&S::width, &S::channels, &S::patch_size, &S::patch_size},
     .type = TowerType::kF16InF16File},
    {.checkpoint = "vision_tower.embeddings.position_embedding.weight",
     .mmproj = "v.position_embd.weight",
     .dims = {&S::class_positions, &S::width}},
    Norm("vision_tower.pre_layrnorm.weight", "v.pre_ln.weight"),
    Norm("vision_tower.encoder.layers.N.layer_norm1.weight", "v.blk.N.ln1.weight"),
    Matrix("vision_tower.encoder.layers.N.self_attn.q_proj.weight", "v.blk.N.attn_q.weight",
           &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.k_proj.weight", "v.blk.N.attn_k.weight",
           &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.v_proj.weight", "v.blk.N.attn_v.weight",
           &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.out_proj.weight", "v.blk.N.attn_out.weight",
           &S::width, &S::width),
    Norm("vision_tower.encoder.layers.N.layer_norm2.weight", "v.blk.N.ln2.weight"),
    Matrix("vision_tower.encoder.layers.N.mlp.fc1.weight", "v.blk.N.ffn_up.weight",
           &S::feed_forward, &S::width),
    Matrix("vision_tower.encoder.layers.N.mlp.fc2.weight", "v.blk.N.ffn_down.weight", &S::width,
           &S::feed_forward),
    Matrix("multi_modal_projector.linear_1.weight", "mm.0.weight", &S::text_width, &S::width,
           TowerType::kFloatAsAsked),
    Matrix("multi_modal_projector.linear_2.weight", "mm.2.weight", &S::text_width, &S::text_width,
           TowerType::kFloatAsAsked),
};

constexpr TowerSizeKey kSizeKeys[] = {
    {"image_size", 224, keys::kClipVisionImageSize, &S::image_size},
    {"patch_size", 32, keys::kClipVisionPatchSize, &S::patch_size},
    {"hidden_size", 768, keys::kClipVisionEmbeddingLength, &S::width},
    {"intermediate_size", 3072, keys::kClipVisionFeedForwardLength, &S::feed_forward},
    {"num_hidden_layers", 12, keys::kClipVisionBlockCount, &S::blocks},
    {"num_attention_heads", 12, keys::kClipVisionHeadCount, &S::heads},
    {"num_channels", 3, "", &S::channels},
};
constexpr TowerConfigCheck kConfigChecks[] = {{"model_type", "clip_vision_model"},
                                              {"hidden_act", "quick_gelu"}};
// Of config.json itself.
constexpr TowerConfigCheck kModelChecks[] = {{"vision_feature_select_strategy", "default"},
                                             {"projector_hidden_act", "gelu"},
                                             {"multimodal_projector_bias", "true"}};
constexpr TowerFlag kFlags[] = {{keys::kClipUseGelu, false}};
constexpr absl::string_view kDropped[] = {"vision_tower.post_layernorm.",
                                          "vision_tower.embeddings.position_ids"};
constexpr double kUsualFeatureLayer = -2;

// vision_feature_layer counts the vectors before the first block as number 0, or from the end: -1
// is behind the last block.
absl::Status ReadConfig(const HfConfig& config, const Json&, uint64_t, TowerSizes* sizes) {
  for (const auto& [key, accepted] : kModelChecks) {
    GGUF_RETURN_IF_ERROR(
        CheckTowerConfig(config.file_name(), key, config.FindValue(key), accepted));
  }
  double layer = kUsualFeatureLayer;
  const Json* found = config.FindValue("vision_feature_layer");
  if (found != nullptr && !found->is_null()) layer = found->number().value_or(0);
  const auto blocks = static_cast<double>(sizes->blocks);
  const double used = layer < 0 ? blocks + 1 + layer : layer;
  if (!(used >= 1 && used <= blocks) || used != static_cast<double>(static_cast<uint64_t>(used))) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.file_name(), ": vision_feature_layer is ",
                     found == nullptr ? "-2" : found->Describe(), ", expected one of the ",
                     sizes->blocks, " blocks of the vision tower; correct it in the file."));
  }
  sizes->unused_blocks = sizes->blocks - static_cast<uint64_t>(used);
  sizes->blocks -= sizes->unused_blocks;
  return absl::OkStatus();
}

// Readers that are not told take the last block but one of the file.
void SetMetadata(const TowerSizes& sizes, Metadata* metadata) {
  metadata->Set(keys::kClipVisionFeatureLayer,
                Array{std::vector<int32_t>{static_cast<int32_t>(sizes.blocks)}});
}

}  // namespace

constexpr TowerFamily kLlavaTower = {.title = "LLaVA",
                                     .projector = "mlp",
                                     .classes = kClasses,
                                     .rows = kRows,
                                     .size_keys = kSizeKeys,
                                     .config_checks = kConfigChecks,
                                     .flags = kFlags,
                                     .dropped = kDropped,
                                     .epsilon = 1e-5f,
                                     .epsilon_config = "layer_norm_eps",
                                     .image_mean = kClipMean,
                                     .image_std = kClipStd,
                                     .read_config = ReadConfig,
                                     .set_metadata = SetMetadata};

}  // namespace gguf
