#include "formats/vision/tower.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr absl::string_view kBlockMark = ".N.";
constexpr absl::string_view kOllamaEpsilon = "gemma3.vision.attention.layer_norm_epsilon";
constexpr absl::string_view kOllamaTokens = "gemma3.mm.tokens_per_image";
// The key that Ollama's engine has asked for under a name its converter never wrote.
constexpr absl::string_view kOllamaTokensUnderscore = "gemma3.mm_tokens_per_image";
constexpr uint64_t kUsualTokens = 256;
constexpr absl::string_view kOllamaPrefixes[] = {"gemma3.vision.", "gemma3.mm.",
                                                 kOllamaTokensUnderscore};
constexpr absl::string_view kTowerPrefixes[] = {"v.", "mm.", "a.", "s."};

constexpr absl::string_view kTower = "vision_tower.";
constexpr absl::string_view kProjector = "multi_modal_projector.";
constexpr absl::string_view kInnerTower = "vision_model.";
constexpr absl::string_view kVisionConfig = "vision_config";
constexpr absl::string_view kVisual = "visual.";

std::string AtBlock(absl::string_view pattern, uint64_t block) {
  return absl::StrReplaceAll(pattern, {{kBlockMark, absl::StrCat(".", block, ".")}});
}

std::string BiasOf(absl::string_view weight) {
  return absl::StrCat(absl::StripSuffix(weight, ".weight"), ".bias");
}

bool IsInBlocks(const TowerRow& row) { return absl::StrContains(row.checkpoint, kBlockMark); }

// Of the parts of one stored tensor, the one it is counted by.
bool IsFirstPart(const TowerRow& row) {
  constexpr RowChoice kOthers[] = {RowChoice::kSecondHalf, RowChoice::kSecondThird,
                                   RowChoice::kLastThird};
  return std::find(std::begin(kOthers), std::end(kOthers), row.choice) == std::end(kOthers);
}

// Shape of the stored tensor that a row is a part of.
Shape StoredShape(const TowerRow& row, std::vector<uint64_t> dims) {
  if (row.part_axis > 0) {
    dims.insert(dims.begin() + static_cast<ptrdiff_t>(row.part_axis), row.parts);
  } else {
    dims[0] *= row.parts;  // both below 2^32
  }
  return Shape(dims.begin(), dims.end());
}

void AppendRow(const TowerRow& row, const TowerSizes& sizes, uint64_t block,
               std::vector<TowerTensor>* tensors) {
  std::vector<uint64_t> dims;
  for (const TowerField dim : row.dims) {
    if (dim != nullptr) dims.push_back(sizes.*dim);
  }
  TowerTensor weight = {AtBlock(row.checkpoint, block),
                        AtBlock(row.mmproj, block),
                        AtBlock(row.ollama, block),
                        Shape(dims.begin(), dims.end()),
                        StoredShape(row, dims),
                        row.choice,
                        row.type,
                        row.ollama_type,
                        row.adds_one};
  TowerTensor bias = weight;
  for (std::string TowerTensor::*name :
       {&TowerTensor::checkpoint, &TowerTensor::mmproj, &TowerTensor::ollama}) {
    if (!(weight.*name).empty()) bias.*name = BiasOf(weight.*name);
  }
  bias.shape = Shape{dims[0]};
  bias.stored_shape = Shape{dims[0] * (row.part_axis > 0 ? 1 : row.parts)};
  bias.mmproj_type = TowerType::kF32;
  bias.ollama_type = TensorType::kF32;
  bias.adds_one = false;
  tensors->push_back(std::move(weight));
  if (row.has_bias) tensors->push_back(std::move(bias));
}

// Everything but what only the family knows. `per_block`: tensors a block has in this container.
absl::Status CheckSizes(absl::string_view origin, uint64_t num_tensors, uint64_t per_block,
                        TowerSizes* sizes) {
  const TowerFamily& family = *sizes->family;
  for (const TowerSizeKey& key : family.size_keys) {
    if (sizes->*key.field != 0) continue;
    return TowerContradiction(origin, family, absl::StrCat("the tower's ", key.config, " is 0"));
  }
  if (sizes->text_width == 0) {
    return TowerContradiction(origin, family, "the projector's width is 0");
  }
  if (family.has_positions && sizes->image_size % sizes->patch_size != 0) {
    return TowerContradiction(origin, family,
                              absl::StrCat("images of ", sizes->image_size,
                                           " pixels are not whole patches of ", sizes->patch_size));
  }
  if (sizes->width % sizes->heads != 0) {
    return TowerContradiction(
        origin, family,
        absl::StrCat("a width of ", sizes->width, " is not whole heads: ", sizes->heads));
  }
  if (!(sizes->epsilon > 0)) {
    return TowerContradiction(origin, family, "the epsilon of the norms is not above 0");
  }
  if (sizes->blocks > num_tensors / per_block) {
    return absl::InvalidArgumentError(absl::StrCat(
        origin, ": a vision tower of ", sizes->blocks, " blocks has ", per_block,
        " tensors in each, and the file has only ", num_tensors, " tensors; it is incomplete."));
  }
  const uint64_t side = sizes->image_size / sizes->patch_size;  // both below 2^32
  sizes->positions = side * side;
  sizes->class_positions = sizes->positions + 1;
  sizes->merged_width = sizes->width * family.merge * family.merge;
  return absl::OkStatus();
}

absl::Status WrongConfig(absl::string_view origin, absl::string_view key, const Json& value,
                         absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(origin, ": vision_config.", key, " is ",
                                                 value.Describe(), ", expected ", expected,
                                                 "; correct it in the file."));
}

absl::Status ReadSizeKeys(absl::string_view origin, const Json& vision, TowerSizes* sizes) {
  for (const TowerSizeKey& key : sizes->family->size_keys) {
    sizes->*key.field = key.config_default;
    const Json* found = vision.Find(key.config);
    if (found == nullptr) continue;
    const absl::optional<uint64_t> value = found->whole_number();
    if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) {
      return WrongConfig(origin, key.config, *found, "a whole number below 2^32");
    }
    sizes->*key.field = *value;
  }
  return absl::OkStatus();
}

uint64_t StoredTensorsPerBlock(const TowerFamily& family) {
  uint64_t count = 0;
  for (const TowerRow& row : family.rows) {
    if (IsInBlocks(row) && IsFirstPart(row)) count += row.has_bias ? 2 : 1;
  }
  return count;
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
                                               absl::string_view key,
                                               const std::array<float, 3>& usual) {
  const Value* value = metadata.Find(key);
  if (value == nullptr) return usual;
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

TensorType ResolveTowerType(TowerType type, TensorType asked) {
  switch (type) {
    case TowerType::kAsAsked:
      return asked;
    case TowerType::kFloatAsAsked:
      return asked == TensorType::kF32 || asked == TensorType::kBF16 ? asked : TensorType::kF16;
    case TowerType::kF16InF16File:
      return asked == TensorType::kF16 ? TensorType::kF16 : TensorType::kF32;
    case TowerType::kF16:
      return TensorType::kF16;
    case TowerType::kF32:
      break;
  }
  return TensorType::kF32;
}

uint64_t TowerTensorsPerBlock(const TowerFamily& family) {
  uint64_t count = 0;
  for (const TowerRow& row : family.rows) {
    if (IsInBlocks(row)) count += row.has_bias ? 2 : 1;
  }
  return count;
}

std::vector<TowerTensor> ListTowerTensors(const TowerSizes& sizes) {
  std::vector<TowerTensor> tensors;
  for (const TowerRow& row : sizes.family->rows) {
    if (!IsInBlocks(row)) AppendRow(row, sizes, 0, &tensors);
  }
  for (uint64_t block = 0; block < sizes.blocks; ++block) {
    for (const TowerRow& row : sizes.family->rows) {
      if (IsInBlocks(row)) AppendRow(row, sizes, block, &tensors);
    }
  }
  return tensors;
}

std::vector<std::string> ListUnusedTensors(const TowerSizes& sizes) {
  std::vector<TowerTensor> tensors;
  for (uint64_t i = 0; i < sizes.unused_blocks; ++i) {
    for (const TowerRow& row : sizes.family->rows) {
      if (IsInBlocks(row)) AppendRow(row, sizes, sizes.blocks + i, &tensors);
    }
  }
  std::vector<std::string> names;
  for (TowerTensor& tensor : tensors) names.push_back(std::move(tensor.checkpoint));
  return names;
}

absl::optional<std::string> NormalizeTowerName(absl::string_view name) {
  absl::ConsumePrefix(&name, "model.");
  if (absl::StartsWith(name, kProjector) || absl::StartsWith(name, kVisual)) {
    return std::string(name);
  }
  if (!absl::ConsumePrefix(&name, kTower) && !absl::ConsumePrefix(&name, kInnerTower)) {
    return absl::nullopt;
  }
  absl::ConsumePrefix(&name, kInnerTower);
  return absl::StrCat(kTower, name);
}

absl::Status CheckTowerConfig(absl::string_view origin, absl::string_view key, const Json* found,
                              absl::string_view accepted) {
  if (found == nullptr || found->is_null()) return absl::OkStatus();
  const std::string text = found->string() != nullptr ? *found->string() : found->Describe();
  if (text == accepted) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(origin, ": ", key, " is ", found->Describe(),
                                               ", and only ", accepted, " is supported."));
}

absl::StatusOr<const TowerFamily*> FindTowerFamily(const HfConfig& config) {
  const Json* vision = config.FindValue(kVisionConfig);
  const bool has_tower = vision != nullptr && vision->object() != nullptr;
  std::string supported;
  for (const TowerFamily* family : AllTowerFamilies()) {
    for (const absl::string_view name : family->classes) {
      if (has_tower && name == config.architecture()) return family;
      absl::StrAppend(&supported, supported.empty() ? "" : ", ", name);
    }
  }
  return absl::UnimplementedError(
      absl::StrCat(config.file_name(), ": ", config.architecture(),
                   has_tower ? " has a vision tower of a kind that is not supported"
                             : " has no vision_config, so the model has no vision tower",
                   "; the vision towers of ", supported, " are."));
}

absl::StatusOr<TowerSizes> TowerFromConfig(const HfConfig& config, uint64_t tokens_per_image,
                                           uint64_t text_width, uint64_t num_tensors) {
  const std::string& origin = config.file_name();
  GGUF_ASSIGN_OR_RETURN(const TowerFamily* family, FindTowerFamily(config));
  const Json* vision = config.FindValue(kVisionConfig);
  for (const auto& [key, accepted] : family->config_checks) {
    GGUF_RETURN_IF_ERROR(
        CheckTowerConfig(origin, absl::StrCat("vision_config.", key), vision->Find(key), accepted));
  }
  TowerSizes sizes;
  sizes.family = family;
  GGUF_RETURN_IF_ERROR(ReadSizeKeys(origin, *vision, &sizes));
  sizes.epsilon = family->epsilon;
  const Json* epsilon =
      family->epsilon_config.empty() ? nullptr : vision->Find(family->epsilon_config);
  if (epsilon != nullptr) {
    if (!epsilon->number().has_value()) {
      return WrongConfig(origin, family->epsilon_config, *epsilon, "a number");
    }
    sizes.epsilon = static_cast<float>(*epsilon->number());
  }
  sizes.image_mean = family->image_mean;
  sizes.image_std = family->image_std;
  sizes.text_width = text_width;
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, StoredTensorsPerBlock(*family), &sizes));
  if (family->read_config != nullptr) {
    GGUF_RETURN_IF_ERROR(family->read_config(config, *vision, tokens_per_image, &sizes));
  }
  return sizes;
}

absl::StatusOr<TowerSizes> TowerFromMmproj(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors) {
  const std::string type = metadata.GetStringOr(keys::kClipProjectorType, "").value_or("no text");
  TowerSizes sizes;
  sizes.family = nullptr;
  std::string projectors;
  for (const TowerFamily* family : AllTowerFamilies()) {
    if (family->projector == type) sizes.family = family;
    absl::StrAppend(&projectors, projectors.empty() ? "" : ", ", family->projector);
  }
  if (sizes.family == nullptr) {
    return absl::UnimplementedError(absl::StrCat(origin, ": ", keys::kClipProjectorType, " is \"",
                                                 EscapeText(type, 40), "\", and supported are ",
                                                 projectors, "."));
  }
  const TowerFamily& family = *sizes.family;
  for (const TowerSizeKey& key : family.size_keys) {
    if (key.mmproj.empty()) continue;
    GGUF_ASSIGN_OR_RETURN(sizes.*key.field, GetSize(origin, metadata, key.mmproj));
  }
  GGUF_ASSIGN_OR_RETURN(sizes.text_width,
                        GetSize(origin, metadata, keys::kClipVisionProjectionDim));
  sizes.epsilon = family.epsilon;
  if (metadata.Has(keys::kClipVisionLayerNormEpsilon)) {
    GGUF_ASSIGN_OR_RETURN(const double epsilon,
                          metadata.GetFloat(keys::kClipVisionLayerNormEpsilon));
    sizes.epsilon = static_cast<float>(epsilon);
  }
  GGUF_ASSIGN_OR_RETURN(sizes.image_mean,
                        GetColors(origin, metadata, keys::kClipVisionImageMean, family.image_mean));
  GGUF_ASSIGN_OR_RETURN(sizes.image_std,
                        GetColors(origin, metadata, keys::kClipVisionImageStd, family.image_std));
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, TowerTensorsPerBlock(family), &sizes));
  if (family.read_metadata != nullptr) {
    GGUF_RETURN_IF_ERROR(family.read_metadata(origin, metadata, &sizes));
  }
  return sizes;
}

absl::StatusOr<TowerSizes> TowerFromOllama(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors) {
  TowerSizes sizes;
  for (const TowerSizeKey& key : kGemma3Tower.size_keys) {
    const bool may_be_absent = key.field == &TowerSizes::channels;
    if (may_be_absent && !metadata.Has(key.ollama)) continue;
    GGUF_ASSIGN_OR_RETURN(sizes.*key.field, GetSize(origin, metadata, key.ollama));
  }
  GGUF_ASSIGN_OR_RETURN(
      sizes.text_width,
      GetSize(origin, metadata, ArchitectureKey("gemma3", keys::kEmbeddingLength)));
  sizes.epsilon = kGemma3Tower.epsilon;
  if (metadata.Has(kOllamaEpsilon)) {
    GGUF_ASSIGN_OR_RETURN(const double epsilon, metadata.GetFloat(kOllamaEpsilon));
    sizes.epsilon = static_cast<float>(epsilon);
  }
  GGUF_ASSIGN_OR_RETURN(uint64_t tokens, metadata.GetUintOr(kOllamaTokensUnderscore, kUsualTokens));
  GGUF_ASSIGN_OR_RETURN(tokens, metadata.GetUintOr(kOllamaTokens, tokens));
  GGUF_RETURN_IF_ERROR(CheckSizes(origin, num_tensors, TowerTensorsPerBlock(kGemma3Tower), &sizes));
  GGUF_RETURN_IF_ERROR(SetPoolFromTokens(origin, tokens, &sizes));
  return sizes;
}

void SetMmprojMetadata(const TowerSizes& sizes, Metadata* metadata) {
  const TowerFamily& family = *sizes.family;
  metadata->Set(keys::kGeneralArchitecture, "clip");
  metadata->Set(keys::kGeneralType, "mmproj");
  metadata->Set(keys::kClipHasVisionEncoder, true);
  metadata->Set(keys::kClipProjectorType, family.projector);
  for (const TowerFlag& flag : family.flags) metadata->Set(flag.key, flag.value);
  metadata->Set(keys::kClipVisionProjectionDim, static_cast<uint32_t>(sizes.text_width));
  for (const TowerSizeKey& key : family.size_keys) {
    if (key.mmproj.empty()) continue;
    metadata->Set(key.mmproj, static_cast<uint32_t>(sizes.*key.field));
  }
  metadata->Set(keys::kClipVisionLayerNormEpsilon, sizes.epsilon);
  metadata->Set(keys::kClipVisionImageMean,
                std::vector<float>(sizes.image_mean.begin(), sizes.image_mean.end()));
  metadata->Set(keys::kClipVisionImageStd,
                std::vector<float>(sizes.image_std.begin(), sizes.image_std.end()));
  if (family.set_metadata != nullptr) family.set_metadata(sizes, metadata);
}

void SetOllamaTowerMetadata(const TowerSizes& sizes, Metadata* metadata) {
  for (const TowerSizeKey& key : kGemma3Tower.size_keys) {
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
