#include "formats/vision/tower.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using S = TowerSizes;
using Field = uint64_t TowerSizes::*;
using T = TensorType;

constexpr absl::string_view kBlockMark = ".N.";
constexpr absl::string_view kProjectorType = "gemma3";
constexpr uint64_t kUsualPool = 4;  // what readers of an mmproj take when it does not say

// "N" stands for a block. A row with a bias stands for two tensors, the second one called ".bias"
// instead of ".weight" and as long as the first has rows; it is F32 everywhere.
struct Row {
  absl::string_view checkpoint, mmproj, ollama;
  std::array<Field, 4> dims;  // outermost first; null ends the list
  absl::optional<TensorType> mmproj_type;
  TensorType ollama_type;
  bool has_bias = false;
  bool adds_one = false;
};
constexpr absl::nullopt_t kAsAsked = absl::nullopt;

constexpr Row kRows[] = {
    {"multi_modal_projector.mm_input_projection_weight",
     "mm.input_projection.weight",
     "mm.mm_input_projection.weight",
     {&S::width, &S::text_width},
     T::kF16,
     T::kF16},
    {"multi_modal_projector.mm_soft_emb_norm.weight",
     "mm.soft_emb_norm.weight",
     "mm.mm_soft_emb_norm.weight",
     {&S::width},
     T::kF32,
     T::kF32,
     false,
     /*adds_one=*/true},
    {"vision_tower.embeddings.patch_embedding.weight",
     "v.patch_embd.weight",
     "v.patch_embedding.weight",
     {&S::width, &S::channels, &S::patch_size, &S::patch_size},
     T::kF32,
     T::kF16,
     true},
    {"vision_tower.embeddings.position_embedding.weight",
     "v.position_embd.weight",
     "v.position_embedding.weight",
     {&S::positions, &S::width},
     T::kF32,
     T::kF16},
    {"vision_tower.encoder.layers.N.layer_norm1.weight",
     "v.blk.N.ln1.weight",
     "v.blk.N.layer_norm1.weight",
     {&S::width},
     T::kF32,
     T::kF32,
     true},
    {"vision_tower.encoder.layers.N.self_attn.q_proj.weight",
     "v.blk.N.attn_q.weight",
     "v.blk.N.attn_q.weight",
     {&S::width, &S::width},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.encoder.layers.N.self_attn.k_proj.weight",
     "v.blk.N.attn_k.weight",
     "v.blk.N.attn_k.weight",
     {&S::width, &S::width},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.encoder.layers.N.self_attn.v_proj.weight",
     "v.blk.N.attn_v.weight",
     "v.blk.N.attn_v.weight",
     {&S::width, &S::width},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.encoder.layers.N.self_attn.out_proj.weight",
     "v.blk.N.attn_out.weight",
     "v.blk.N.attn_output.weight",
     {&S::width, &S::width},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.encoder.layers.N.layer_norm2.weight",
     "v.blk.N.ln2.weight",
     "v.blk.N.layer_norm2.weight",
     {&S::width},
     T::kF32,
     T::kF32,
     true},
    {"vision_tower.encoder.layers.N.mlp.fc1.weight",
     "v.blk.N.ffn_up.weight",
     "v.blk.N.mlp.fc1.weight",
     {&S::feed_forward, &S::width},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.encoder.layers.N.mlp.fc2.weight",
     "v.blk.N.ffn_down.weight",
     "v.blk.N.mlp.fc2.weight",
     {&S::width, &S::feed_forward},
     kAsAsked,
     T::kF16,
     true},
    {"vision_tower.post_layernorm.weight",
     "v.post_ln.weight",
     "v.post_layernorm.weight",
     {&S::width},
     T::kF32,
     T::kF32,
     true},
};

// A size under its names in the three containers, and what the training library's class has when
// config.json omits it. An empty name: that container does not say.
struct SizeKey {
  absl::string_view config;
  uint64_t config_default;
  absl::string_view mmproj;
  absl::string_view ollama;
  Field field;
};
constexpr SizeKey kSizeKeys[] = {
    {"image_size", 224, keys::kClipVisionImageSize, "gemma3.vision.image_size", &S::image_size},
    {"patch_size", 16, keys::kClipVisionPatchSize, "gemma3.vision.patch_size", &S::patch_size},
    {"hidden_size", 768, keys::kClipVisionEmbeddingLength, "gemma3.vision.embedding_length",
     &S::width},
    {"intermediate_size", 3072, keys::kClipVisionFeedForwardLength,
     "gemma3.vision.feed_forward_length", &S::feed_forward},
    {"num_hidden_layers", 12, keys::kClipVisionBlockCount, "gemma3.vision.block_count", &S::blocks},
    {"num_attention_heads", 12, keys::kClipVisionHeadCount, "gemma3.vision.attention.head_count",
     &S::heads},
    {"num_channels", 3, "", "gemma3.vision.num_channels", &S::channels},
};
constexpr absl::string_view kOllamaEpsilon = "gemma3.vision.attention.layer_norm_epsilon";
constexpr absl::string_view kOllamaTokens = "gemma3.mm.tokens_per_image";
// The key that Ollama's engine has asked for under a name its converter never wrote.
constexpr absl::string_view kOllamaTokensUnderscore = "gemma3.mm_tokens_per_image";
constexpr uint64_t kUsualTokens = 256;
constexpr float kUsualEpsilon = 1e-6f;
constexpr absl::string_view kOllamaPrefixes[] = {"gemma3.vision.", "gemma3.mm.",
                                                 kOllamaTokensUnderscore};
constexpr absl::string_view kTowerPrefixes[] = {"v.", "mm.", "a.", "s."};

constexpr absl::string_view kTower = "vision_tower.";
constexpr absl::string_view kProjector = "multi_modal_projector.";
constexpr absl::string_view kInnerTower = "vision_model.";

std::string AtBlock(absl::string_view pattern, uint64_t block) {
  return absl::StrReplaceAll(pattern, {{kBlockMark, absl::StrCat(".", block, ".")}});
}

std::string BiasOf(absl::string_view weight) {
  return absl::StrCat(absl::StripSuffix(weight, ".weight"), ".bias");
}

void AppendRow(const Row& row, const TowerSizes& sizes, uint64_t block,
               std::vector<TowerTensor>* tensors) {
  std::vector<uint64_t> dims;
  for (const Field dim : row.dims) {
    if (dim != nullptr) dims.push_back(sizes.*dim);
  }
  TowerTensor weight = {AtBlock(row.checkpoint, block),
                        AtBlock(row.mmproj, block),
                        AtBlock(row.ollama, block),
                        Shape(dims.begin(), dims.end()),
                        row.mmproj_type,
                        row.ollama_type,
                        row.adds_one};
  TowerTensor bias = {BiasOf(weight.checkpoint),
                      BiasOf(weight.mmproj),
                      BiasOf(weight.ollama),
                      Shape{dims[0]},
                      T::kF32,
                      T::kF32,
                      false};
  tensors->push_back(std::move(weight));
  if (row.has_bias) tensors->push_back(std::move(bias));
}

absl::Status Contradiction(absl::string_view origin, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ": ", what, "; the file does not describe a Gemma 3 vision tower."));
}

// Everything but `pool`, of which the containers say something different.
absl::Status CheckSizes(absl::string_view origin, uint64_t num_tensors, TowerSizes* sizes) {
  for (const SizeKey& key : kSizeKeys) {
    if (sizes->*key.field != 0) continue;
    return Contradiction(origin, absl::StrCat("the tower's ", key.config, " is 0"));
  }
  if (sizes->text_width == 0) return Contradiction(origin, "the projector's width is 0");
  if (sizes->image_size % sizes->patch_size != 0) {
    return Contradiction(
        origin, absl::StrCat("images of ", sizes->image_size, " pixels are not whole patches of ",
                             sizes->patch_size));
  }
  if (sizes->width % sizes->heads != 0) {
    return Contradiction(
        origin, absl::StrCat("a width of ", sizes->width, " is not whole heads: ", sizes->heads));
  }
  if (!(sizes->epsilon > 0))
    return Contradiction(origin, "the epsilon of the norms is not above 0");
  if (sizes->blocks > num_tensors / kTensorsPerBlock) {
    return absl::InvalidArgumentError(absl::StrCat(
        origin, ": a vision tower of ", sizes->blocks, " blocks has ", kTensorsPerBlock,
        " tensors in each, and the file has only ", num_tensors, " tensors; it is incomplete."));
  }
  const uint64_t side = sizes->image_size / sizes->patch_size;  // both below 2^32
  sizes->positions = side * side;
  return absl::OkStatus();
}

absl::Status SetPoolFromTokens(absl::string_view origin, uint64_t tokens, TowerSizes* sizes) {
  const uint64_t grid = sizes->image_size / sizes->patch_size;
  const auto side = static_cast<uint64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side == 0 || side * side != tokens || grid % side != 0) {
    return Contradiction(
        origin, absl::StrCat("an image of ", grid, " x ", grid, " patches cannot be averaged to ",
                             tokens, " tokens, as tokens per image asks"));
  }
  sizes->pool = grid / side;
  return absl::OkStatus();
}

absl::Status CheckPool(absl::string_view origin, const TowerSizes& sizes) {
  const uint64_t grid = sizes.image_size / sizes.patch_size;
  if (sizes.pool != 0 && grid % sizes.pool == 0) return absl::OkStatus();
  return Contradiction(origin,
                       absl::StrCat("an image of ", grid, " x ", grid,
                                    " patches cannot be averaged in squares of ", sizes.pool));
}

absl::Status WrongConfig(absl::string_view origin, absl::string_view key, const Json& value,
                         absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(origin, ": vision_config.", key, " is ",
                                                 value.Describe(), ", expected ", expected,
                                                 "; correct it in the file."));
}

absl::Status CheckKind(absl::string_view origin, const Json& config) {
  const struct {
    absl::string_view key, value;
  } kKinds[] = {{"model_type", "siglip_vision_model"}, {"hidden_act", "gelu_pytorch_tanh"}};
  for (const auto& [key, value] : kKinds) {
    const Json* found = config.Find(key);
    if (found == nullptr || found->is_null()) continue;
    if (found->string() != nullptr && *found->string() == value) continue;
    return absl::UnimplementedError(absl::StrCat(origin, ": vision_config.", key, " is ",
                                                 found->Describe(), ", and only ", value,
                                                 " is supported."));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> GetSize(absl::string_view origin, const Metadata& metadata,
                                 absl::string_view key) {
  const absl::StatusOr<uint64_t> value =
      metadata.GetUint(key, std::numeric_limits<uint32_t>::max());
  if (value.ok()) return value;
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ": ", value.status().message(),
                   "; the vision tower cannot be described without it, so convert it again."));
}

absl::StatusOr<std::array<float, 3>> GetColors(absl::string_view origin, const Metadata& metadata,
                                               absl::string_view key) {
  const Value* value = metadata.Find(key);
  if (value == nullptr) return std::array<float, 3>{0.5f, 0.5f, 0.5f};
  const Array* array = std::get_if<Array>(&value->data);
  const auto* floats =
      array == nullptr ? nullptr : std::get_if<std::vector<float>>(&array->elements);
  if (floats == nullptr || floats->size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": ", key, " is ", value->ToString(),
                                                   ", expected an array of 3 float32 values."));
  }
  return std::array<float, 3>{(*floats)[0], (*floats)[1], (*floats)[2]};
}

}  // namespace

std::vector<TowerTensor> ListTowerTensors(const TowerSizes& sizes) {
  std::vector<TowerTensor> tensors;
  tensors.reserve(kTensorsBesidesBlocks + kTensorsPerBlock * sizes.blocks);
  for (const Row& row : kRows) {
    if (!absl::StrContains(row.checkpoint, kBlockMark)) AppendRow(row, sizes, 0, &tensors);
  }
  for (uint64_t block = 0; block < sizes.blocks; ++block) {
    for (const Row& row : kRows) {
      if (absl::StrContains(row.checkpoint, kBlockMark)) AppendRow(row, sizes, block, &tensors);
    }
  }
  return tensors;
}

absl::optional<std::string> NormalizeTowerName(absl::string_view name) {
  absl::ConsumePrefix(&name, "model.");
  if (absl::StartsWith(name, kProjector)) return std::string(name);
  if (!absl::ConsumePrefix(&name, kTower) && !absl::ConsumePrefix(&name, kInnerTower)) {
    return absl::nullopt;
  }
  absl::ConsumePrefix(&name, kInnerTower);
  return absl::StrCat(kTower, name);
}

absl::StatusOr<TowerSizes> TowerFromConfig(absl::string_view origin, const Json& config,
                                           uint64_t tokens_per_image, uint64_t text_width,
                                           uint64_t num_tensors) {
  GGUF_RETURN_IF_ERROR(CheckKind(origin, config));
  TowerSizes sizes;
  for (const SizeKey& key : kSizeKeys) {
    sizes.*key.field = key.config_default;
    const Json* found = config.Find(key.config);
    if (found == nullptr) continue;
    const absl::optional<uint64_t> value = found->whole_number();
    if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) {
      return WrongConfig(origin, key.config, *found, "a whole number below 2^32");
    }
    sizes.*key.field = *value;
  }
  sizes.epsilon = kUsualEpsilon;
  if (const Json* epsilon = config.Find("layer_norm_eps")) {
    if (!epsilon->number().has_value()) {
      return WrongConfig(origin, "layer_norm_eps", *epsilon, "a number");
    }
    sizes.epsilon = static_cast<float>(*epsilon->number());
  }
  sizes.text_width = text_width;
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, &sizes));
  GGUF_RETURN_IF_ERROR(SetPoolFromTokens(origin, tokens_per_image, &sizes));
  return sizes;
}

absl::StatusOr<TowerSizes> TowerFromMmproj(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors) {
  const absl::StatusOr<std::string> type = metadata.GetStringOr(keys::kClipProjectorType, "");
  if (!type.ok() || *type != kProjectorType) {
    return absl::UnimplementedError(absl::StrCat(
        origin, ": ", keys::kClipProjectorType, " is \"", type.ok() ? *type : "no text",
        "\", and only the projector of Gemma 3, \"", kProjectorType, "\", is supported."));
  }
  TowerSizes sizes;
  for (const SizeKey& key : kSizeKeys) {
    if (key.mmproj.empty()) continue;
    GGUF_ASSIGN_OR_RETURN(sizes.*key.field, GetSize(origin, metadata, key.mmproj));
  }
  GGUF_ASSIGN_OR_RETURN(sizes.text_width,
                        GetSize(origin, metadata, keys::kClipVisionProjectionDim));
  sizes.epsilon = kUsualEpsilon;
  if (metadata.Has(keys::kClipVisionLayerNormEpsilon)) {
    GGUF_ASSIGN_OR_RETURN(const double epsilon,
                          metadata.GetFloat(keys::kClipVisionLayerNormEpsilon));
    sizes.epsilon = static_cast<float>(epsilon);
  }
  GGUF_ASSIGN_OR_RETURN(sizes.image_mean, GetColors(origin, metadata, keys::kClipVisionImageMean));
  GGUF_ASSIGN_OR_RETURN(sizes.image_std, GetColors(origin, metadata, keys::kClipVisionImageStd));
  GGUF_ASSIGN_OR_RETURN(sizes.pool,
                        metadata.GetUintOr(keys::kClipVisionProjectorScaleFactor, kUsualPool));
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, &sizes));
  GGUF_RETURN_IF_ERROR(CheckPool(origin, sizes));
  return sizes;
}

absl::StatusOr<TowerSizes> TowerFromOllama(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors) {
  TowerSizes sizes;
  for (const SizeKey& key : kSizeKeys) {
    const bool may_be_absent = key.field == &TowerSizes::channels;
    if (may_be_absent && !metadata.Has(key.ollama)) continue;
    GGUF_ASSIGN_OR_RETURN(sizes.*key.field, GetSize(origin, metadata, key.ollama));
  }
  GGUF_ASSIGN_OR_RETURN(
      sizes.text_width,
      GetSize(origin, metadata, ArchitectureKey("gemma3", keys::kEmbeddingLength)));
  sizes.epsilon = kUsualEpsilon;
  if (metadata.Has(kOllamaEpsilon)) {
    GGUF_ASSIGN_OR_RETURN(const double epsilon, metadata.GetFloat(kOllamaEpsilon));
    sizes.epsilon = static_cast<float>(epsilon);
  }
  GGUF_ASSIGN_OR_RETURN(uint64_t tokens, metadata.GetUintOr(kOllamaTokensUnderscore, kUsualTokens));
  GGUF_ASSIGN_OR_RETURN(tokens, metadata.GetUintOr(kOllamaTokens, tokens));
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, &sizes));
  GGUF_RETURN_IF_ERROR(SetPoolFromTokens(origin, tokens, &sizes));
  return sizes;
}

void SetMmprojMetadata(const TowerSizes& sizes, Metadata* metadata) {
  metadata->Set(keys::kGeneralArchitecture, "clip");
  metadata->Set(keys::kGeneralType, "mmproj");
  metadata->Set(keys::kClipHasVisionEncoder, true);
  metadata->Set(keys::kClipProjectorType, kProjectorType);
  metadata->Set(keys::kClipUseGelu, true);
  metadata->Set(keys::kClipVisionProjectionDim, static_cast<uint32_t>(sizes.text_width));
  for (const SizeKey& key : kSizeKeys) {
    if (key.mmproj.empty()) continue;
    metadata->Set(key.mmproj, static_cast<uint32_t>(sizes.*key.field));
  }
  metadata->Set(keys::kClipVisionLayerNormEpsilon, sizes.epsilon);
  metadata->Set(keys::kClipVisionImageMean,
                std::vector<float>(sizes.image_mean.begin(), sizes.image_mean.end()));
  metadata->Set(keys::kClipVisionImageStd,
                std::vector<float>(sizes.image_std.begin(), sizes.image_std.end()));
  if (sizes.pool != kUsualPool) {
    metadata->Set(keys::kClipVisionProjectorScaleFactor, static_cast<uint32_t>(sizes.pool));
  }
}

void SetOllamaTowerMetadata(const TowerSizes& sizes, Metadata* metadata) {
  for (const SizeKey& key : kSizeKeys) {
    metadata->Set(key.ollama, static_cast<uint32_t>(sizes.*key.field));
  }
  metadata->Set(kOllamaEpsilon, sizes.epsilon);
  const auto tokens = static_cast<uint32_t>(sizes.tokens_per_image());
  metadata->Set(kOllamaTokens, tokens);
  metadata->Set(kOllamaTokensUnderscore, tokens);
}

absl::Span<const absl::string_view> OllamaTowerKeyPrefixes() { return kOllamaPrefixes; }

bool IsTowerTensor(absl::string_view gguf_name) {
  return std::any_of(std::begin(kTowerPrefixes), std::end(kTowerPrefixes),
                     [&](absl::string_view prefix) { return absl::StartsWith(gguf_name, prefix); });
}

}  // namespace gguf
