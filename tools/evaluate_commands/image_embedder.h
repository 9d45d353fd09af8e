// Image files through the vision tower of a file, for commands that take images.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_EMBEDDER_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_EMBEDDER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/model.h"
#include "runtime/ops/activation_type.h"
#include "runtime/vision/image.h"
#include "runtime/vision/vision_tower.h"

namespace gguf {

// Movable; not thread-safe.
class ImageEmbedder {
 public:
  // `path`: a projector file, or a file of Ollama that holds a tower (VisionModel::Open). Errors
  // name it.
  static absl::StatusOr<ImageEmbedder> Open(const std::string& path, int threads,
                                            ActivationType activations = ActivationType::kF32);

  const VisionConfig& config() const { return model_->config(); }

  // InvalidArgument, naming both files, unless the rows are as long as the text model's embeddings.
  absl::Status CheckBelongsTo(const Model& text) const;

  // Rows [num_tokens][projection] of the PNG or JPEG image at `path`. Cancelled after SIGINT or
  // SIGTERM.
  absl::StatusOr<std::vector<float>> Embed(const std::string& path);
  absl::StatusOr<std::vector<float>> Embed(const Image& image);

 private:
  ImageEmbedder(std::unique_ptr<VisionModel> model, std::unique_ptr<VisionTower> tower)
      : model_(std::move(model)), tower_(std::move(tower)) {}

  std::unique_ptr<VisionModel> model_;
  std::unique_ptr<VisionTower> tower_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_EMBEDDER_H_
