#include "tools/evaluate_commands/image_embedder.h"

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/vision/image.h"
#include "tools/cli/cli.h"

namespace gguf {

absl::StatusOr<ImageEmbedder> ImageEmbedder::Open(const std::string& path, int threads,
                                                  ActivationType activations) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<VisionModel> model, VisionModel::Open(path));
  VisionOptions options;
  options.threads = threads;
  options.activations = activations;
  options.is_cancelled = [] { return Interrupted().load(); };
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<VisionTower> tower, VisionTower::Create(*model, options));
  return ImageEmbedder(std::move(model), std::move(tower));
}

absl::Status ImageEmbedder::CheckBelongsTo(const Model& text) const {
  if (config().projection == text.config().embedding) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      model_->path(), " makes embeddings of ", config().projection, " values, expected ",
      text.config().embedding, " for ", text.path(), ": use the tower of the same model and size"));
}

absl::StatusOr<std::vector<float>> ImageEmbedder::Embed(const std::string& path) {
  GGUF_ASSIGN_OR_RETURN(const Image image, ReadImage(path));
  return Embed(image);
}

absl::StatusOr<std::vector<float>> ImageEmbedder::Embed(const Image& image) {
  return tower_->Embed(Preprocess(image, config()));
}

}  // namespace gguf
