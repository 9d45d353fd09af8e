// SigLIP with the projector of Gemma 3: the mean of squares of patches becomes a token.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = TowerSizes;
using T = TensorType;

constexpr absl::string_view kClasses[] = {"Gemma3ForConditionalGeneration"};

// Rows of matrices and vectors, which differ in little else.
constexpr TowerRow Matrix(absl::string_view checkpoint, absl::string_view mmproj,
                          absl::string_view ollama, TowerField rows, TowerField columns) {
  return {.checkpoint = checkpoint,
          .mmproj = mmproj,
          .dims = {rows, columns},
          .type = TowerType::kAsAsked,
          .has_bias = true,
          .ollama = ollama,
          .ollama_type = T::kF16};
}
constexpr TowerRow Norm(absl::string_view checkpoint, absl::string_view mmproj,
                        absl::string_view ollama) {
  return {.checkpoint = checkpoint,
          .mmproj = mmproj,
          .dims = {&S::width},
          .has_bias = true,
          .ollama = ollama};
}

constexpr TowerRow kRows[] = {
    {.checkpoint = "multi_modal_projector.mm_input_projection_weight",
     .mmproj = "mm.input_projection.weight",
     .dims = {&S::width, &S::text_width},
     .type = TowerType::kF16,
     .ollama = "mm.mm_input_projection.weight",
     .ollama_type = T::kF16},
    {.checkpoint = "multi_modal_projector.mm_soft_emb_norm.weight",
     .mmproj = "mm.soft_emb_norm.weight",
     .dims = {&S::width},
     .adds_one = true,
     .ollama = "mm.mm_soft_emb_norm.weight"},
    {.checkpoint = "vision_tower.embeddings.patch_embedding.weight",
     .mmproj = "v.patch_embd.weight",
     .dims = {&S::width, &S::channels, &S::patch_size, &S::patch_size},
     .has_bias = true,
     .ollama = "v.patch_embedding.weight",
     .ollama_type = T::kF16},
    {.checkpoint = "vision_tower.embeddings.position_embedding.weight",
     .mmproj = "v.position_embd.weight",
     .dims = {&S::positions, &S::width},
     .ollama = "v.position_embedding.weight",
     .ollama_type = T::kF16},
    Norm("vision_tower.encoder.layers.N.layer_norm1.weight", "v.blk.N.ln1.weight",
         "v.blk.N.layer_norm1.weight"),
    Matrix("vision_tower.encoder.layers.N.self_attn.q_proj.weight", "v.blk.N.attn_q.weight",
           "v.blk.N.attn_q.weight", &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.k_proj.weight", "v.blk.N.attn_k.weight",
           "v.blk.N.attn_k.weight", &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.v_proj.weight", "v.blk.N.attn_v.weight",
           "v.blk.N.attn_v.weight", &S::width, &S::width),
    Matrix("vision_tower.encoder.layers.N.self_attn.out_proj.weight", "v.blk.N.attn_out.weight",
           "v.blk.N.attn_output.weight", &S::width, &S::width),
    Norm("vision_tower.encoder.layers.N.layer_norm2.weight", "v.blk.N.ln2.weight",
         "v.blk.N.layer_norm2.weight"),
    Matrix("vision_tower.encoder.layers.N.mlp.fc1.weight", "v.blk.N.ffn_up.weight",
           "v.blk.N.mlp.fc1.weight", &S::feed_forward, &S::width),
    Matrix("vision_tower.encoder.layers.N.mlp.fc2.weight", "v.blk.N.ffn_down.weight",
           "v.blk.N.mlp.fc2.weight", &S::width, &S::feed_forward),
    Norm("vision_tower.post_layernorm.weight", "v.post_ln.weight", "v.post_layernorm.weight"),
};

constexpr TowerSizeKey kSizeKeys[] = {
    {"image_size", 224, keys::kClipVisionImageSize, &S::image_size, "gemma3.vision.image_size"},
    {"patch_size", 16, keys::kClipVisionPatchSize, &S::patch_size, "gemma3.vision.patch_size"},
    {"hidden_size", 768, keys::kClipVisionEmbeddingLength, &S::width,
     "gemma3.vision.embedding_length"},
    {"intermediate_size", 3072, keys::kClipVisionFeedForwardLength, &S::feed_forward,
     "gemma3.vision.feed_forward_length"},
    {"num_hidden_layers", 12, keys::kClipVisionBlockCount, &S::blocks, "gemma3.vision.block_count"},
    {"num_attention_heads", 12, keys::kClipVisionHeadCount, &S::heads,
     "gemma3.vision.attention.head_count"},
    {"num_channels", 3, "", &S::channels, "gemma3.vision.num_channels"},
};

constexpr TowerConfigCheck kConfigChecks[] = {{"model_type", "siglip_vision_model"},
                                              {"hidden_act", "gelu_pytorch_tanh"}};
constexpr TowerFlag kFlags[] = {{keys::kClipUseGelu, true}};
constexpr absl::string_view kDropped[] = {"vision_tower.head."};  // SigLIP's own
constexpr uint64_t kUsualPool = 4;  // what readers of an mmproj take when it does not say

absl::Status ReadConfig(const HfConfig& config, const Json&, uint64_t tokens, TowerSizes* sizes) {
  return SetPoolFromTokens(config.file_name(), tokens, sizes);
}

absl::Status ReadMetadata(absl::string_view origin, const Metadata& metadata, TowerSizes* sizes) {
  GGUF_ASSIGN_OR_RETURN(sizes->pool,
                        metadata.GetUintOr(keys::kClipVisionProjectorScaleFactor, kUsualPool));
  const uint64_t grid = sizes->image_size / sizes->patch_size;
  if (sizes->pool != 0 && grid % sizes->pool == 0) return absl::OkStatus();
  return TowerContradiction(
      origin, kGemma3Tower,
      absl::StrCat("an image of ", grid, " x ", grid, " patches cannot be averaged in squares of ",
                   sizes->pool));
}

void SetMetadata(const TowerSizes& sizes, Metadata* metadata) {
  if (sizes.pool == kUsualPool) return;
  metadata->Set(keys::kClipVisionProjectorScaleFactor, static_cast<uint32_t>(sizes.pool));
}

}  // namespace

absl::Status SetPoolFromTokens(absl::string_view origin, uint64_t tokens, TowerSizes* sizes) {
  const uint64_t grid = sizes->image_size / sizes->patch_size;
  const auto side = static_cast<uint64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side == 0 || side * side != tokens || grid % side != 0) {
    return TowerContradiction(
        origin, kGemma3Tower,
        absl::StrCat("an image of ", grid, " x ", grid, " patches cannot be averaged to ", tokens,
                     " tokens, as tokens per image asks"));
  }
  sizes->pool = grid / side;
  return absl::OkStatus();
}

constexpr TowerFamily kGemma3Tower = {.title = "Gemma 3",
                                      .projector = "gemma3",
                                      .classes = kClasses,
                                      .rows = kRows,
                                      .size_keys = kSizeKeys,
                                      .config_checks = kConfigChecks,
                                      .flags = kFlags,
                                      .dropped = kDropped,
                                      .epsilon = 1e-6f,
                                      .epsilon_config = "layer_norm_eps",
                                      .image_mean = {0.5f, 0.5f, 0.5f},
                                      .image_std = {0.5f, 0.5f, 0.5f},
                                      .read_config = ReadConfig,
                                      .read_metadata = ReadMetadata,
                                      .set_metadata = SetMetadata};

}  // namespace gguf
