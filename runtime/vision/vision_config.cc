#include "runtime/vision/vision_config.h"

#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "runtime/bounded_keys.h"
#include "runtime/config.h"

namespace gguf {
namespace {

// Below "clip.vision" in projector files, below "gemma3.vision" in Ollama's.
constexpr keys::Key kImageSize = "image_size", kPatchSize = "patch_size",
                    kNumChannels = "num_channels", kScaleFactor = "projector.scale_factor",
                    kProjectionDim = "projection_dim";
constexpr absl::string_view kProjectorTypeKeys[] = {"clip.vision.projector_type",
                                                    keys::kClipProjectorType};
// Ollama's engine asked for the second spelling for a while.
constexpr absl::string_view kTokensPerImage[] = {"gemma3.mm.tokens_per_image",
                                                 "gemma3.mm_tokens_per_image"};
constexpr uint64_t kDefaultTokens = 256;
constexpr uint32_t kDefaultPooling = 4;

absl::Status ReadSizes(const BoundedKeys& keys, VisionConfig* c) {
  GGUF_ASSIGN_OR_RETURN(c->image_size, keys.Uint(kImageSize, 1, kMaxImageSide));
  GGUF_ASSIGN_OR_RETURN(c->patch_size, keys.Uint(kPatchSize, 1, c->image_size));
  GGUF_ASSIGN_OR_RETURN(c->num_layers, keys.Uint(keys::kBlockCount, 1, kMaxLayers));
  GGUF_ASSIGN_OR_RETURN(c->embedding, keys.Uint(keys::kEmbeddingLength, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c->feed_forward, keys.Uint(keys::kFeedForwardLength, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c->num_heads, keys.Uint(keys::kAttentionHeadCount, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c->norm_epsilon,
                        keys.FloatOr(keys::kAttentionLayerNormEpsilon, 0.0, 1e-6f));
  GGUF_RETURN_IF_ERROR(keys.UintOr(kNumChannels, 3, 3, 3).status());
  if (c->image_size % c->patch_size != 0 || c->num_patches() > kMaxImagePatches) {
    return absl::InvalidArgumentError(absl::StrCat(
        "keys ", keys.Full(kImageSize), " and ", keys.Full(kPatchSize), " are ", c->image_size,
        " and ", c->patch_size, ", expected whole patches, at most ", kMaxImagePatches));
  }
  if (c->embedding % c->num_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", keys.Full(keys::kAttentionHeadCount), " is ", c->num_heads,
                     ", expected a divisor of the embedding length ", c->embedding));
  }
  return absl::OkStatus();
}

absl::Status ReadColours(const Metadata& metadata, absl::string_view key, float min,
                         std::array<float, 3>* colours) {
  const Value* value = metadata.Find(key);
  if (value == nullptr) return absl::OkStatus();
  const Array* array = std::get_if<Array>(&value->data);
  const auto* values =
      array == nullptr ? nullptr : std::get_if<std::vector<float>>(&array->elements);
  bool is_good = values != nullptr && values->size() == 3;
  for (size_t i = 0; is_good && i < 3; ++i) {
    is_good = std::isfinite((*values)[i]) && (*values)[i] >= min;
    (*colours)[i] = (*values)[i];
  }
  if (is_good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("key ", key, " is ", value->ToString(),
                                                 ", expected three floats of at least ", min));
}

absl::Status CheckProjector(const Metadata& metadata) {
  if (metadata.Has(keys::kClipHasVisionEncoder)) {
    GGUF_ASSIGN_OR_RETURN(const bool has_vision, metadata.GetBool(keys::kClipHasVisionEncoder));
    if (!has_vision) {
      return absl::UnimplementedError(
          absl::StrCat("key ", keys::kClipHasVisionEncoder, " is false, expected a vision tower"));
    }
  }
  absl::string_view projector;
  for (const absl::string_view key : kProjectorTypeKeys) {
    if (!metadata.Has(key)) continue;
    GGUF_ASSIGN_OR_RETURN(projector, metadata.GetString(key));
    if (projector == "gemma3") return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("key ", keys::kClipProjectorType, " is ", Value(projector).ToString(),
                   ", expected \"gemma3\", the one projector that the runtime knows"));
}

absl::StatusOr<VisionConfig> ReadProjectorFile(const Metadata& metadata) {
  GGUF_RETURN_IF_ERROR(CheckProjector(metadata));
  VisionConfig c;
  const BoundedKeys keys(metadata, "clip.vision");
  GGUF_RETURN_IF_ERROR(ReadSizes(keys, &c));
  GGUF_ASSIGN_OR_RETURN(c.projection, keys.Uint(kProjectionDim, 1, kMaxWidth));
  GGUF_ASSIGN_OR_RETURN(c.pooling, keys.UintOr(kScaleFactor, 1, c.grid(), kDefaultPooling));
  if (c.grid() % c.pooling != 0) {
    return absl::InvalidArgumentError(absl::StrCat("key ", keys.Full(kScaleFactor), " is ",
                                                   c.pooling, ", expected a divisor of the ",
                                                   c.grid(), " patches of a side"));
  }
  GGUF_RETURN_IF_ERROR(ReadColours(metadata, keys::kClipVisionImageMean, -1e3f, &c.mean));
  GGUF_RETURN_IF_ERROR(ReadColours(metadata, keys::kClipVisionImageStd, 1e-6f, &c.deviation));
  return c;
}

absl::StatusOr<VisionConfig> ReadOllamaFile(const Metadata& metadata) {
  VisionConfig c;
  c.layout = VisionLayout::kOllama;
  GGUF_RETURN_IF_ERROR(ReadSizes(BoundedKeys(metadata, "gemma3.vision"), &c));
  GGUF_ASSIGN_OR_RETURN(c.projection,
                        BoundedKeys(metadata, "gemma3").Uint(keys::kEmbeddingLength, 1, kMaxWidth));
  uint64_t tokens = kDefaultTokens;
  for (const absl::string_view key : kTokensPerImage) {
    GGUF_ASSIGN_OR_RETURN(tokens, metadata.GetUintOr(key, tokens));
  }
  for (c.pooling = 1; c.pooling <= c.grid(); ++c.pooling) {
    if (c.grid() % c.pooling == 0 && c.num_tokens() == tokens) return c;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "key ", kTokensPerImage[0], " is ", tokens, ", expected what squares of the ", c.grid(),
      " by ", c.grid(), " patches make (", c.num_patches(), ", ", c.num_patches() / 4, ", ...)"));
}

}  // namespace

absl::StatusOr<VisionConfig> ReadVisionConfig(const Metadata& metadata) {
  GGUF_ASSIGN_OR_RETURN(const absl::string_view architecture,
                        metadata.GetString(keys::kGeneralArchitecture));
  if (architecture == "clip") return ReadProjectorFile(metadata);
  if (architecture == "gemma3") return ReadOllamaFile(metadata);
  return absl::UnimplementedError(
      absl::StrCat("key ", keys::kGeneralArchitecture, " is ", Value(architecture).ToString(),
                   ", expected \"clip\" (a projector file) or \"gemma3\" with a vision tower"));
}

}  // namespace gguf
