// A vision tower's file for running: mapped, its tensors by role, all of them checked.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_MODEL_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/tensor_file.h"
#include "runtime/vision/vision_config.h"
#include "runtime/weights.h"

namespace gguf {

struct VisionLayer {
  Norm attn_norm, ffn_norm;
  Linear q, k, v, output;
  Linear up, down;
};

struct VisionWeights {
  Linear patch;                  // [embedding][3 * patch * patch]
  std::vector<float> positions;  // [patches][embedding]
  std::vector<VisionLayer> layers;
  Norm post_norm;
  std::vector<float> soft_norm;   // [embedding]: RMS norm of pooled patches; files hold 1 + w
  std::vector<float> projection;  // [projection][embedding]: the file's matrix, transposed
};

// Immutable, thread-safe.
class VisionModel {
 public:
  // Opens a projector file, or a file of Ollama that holds a tower. Weights may have any type.
  // Early projector files have the names of a block's two feed-forward matrices exchanged: their
  // shapes say which is which. One sentence on failure, which names the file and: a key (see
  // ReadVisionConfig), a tensor that is missing, misshapen or unknown, or that there is no tower.
  static absl::StatusOr<std::unique_ptr<VisionModel>> Open(absl::string_view path);

  const std::string& path() const { return file_.path(); }
  const VisionConfig& config() const { return config_; }
  const VisionWeights& weights() const { return weights_; }

  // Of the tower's tensors alone.
  uint64_t weight_bytes() const { return weight_bytes_; }

 private:
  VisionModel(TensorFile file, VisionConfig config)
      : file_(std::move(file)), config_(std::move(config)) {}

  TensorFile file_;
  VisionConfig config_;
  VisionWeights weights_;
  uint64_t weight_bytes_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_MODEL_H_
