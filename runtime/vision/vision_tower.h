// The forward pass of a vision tower with Gemma 3's projector: an image's pixels become rows that
// stand in place of token embeddings.
//
//   GGUF_ASSIGN_OR_RETURN(auto model, VisionModel::Open("mmproj-model.gguf"));
//   GGUF_ASSIGN_OR_RETURN(auto tower, VisionTower::Create(*model, {.threads = 8}));
//   GGUF_ASSIGN_OR_RETURN(std::vector<float> rows, tower->Embed(pixels));
//
// Patches (a convolution without overlap, that is a matrix product) plus learned positions; layers
// of LayerNorm, attention of all patches to all, LayerNorm, tanh-GELU; a last LayerNorm; averages
// of pooling x pooling patches; RMS norm; projection to the text model's embedding length.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_TOWER_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_TOWER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/ops/activation_type.h"
#include "runtime/ops/scratch.h"
#include "runtime/products.h"
#include "runtime/vision/vision_model.h"

namespace gguf {

struct VisionOptions {
  int threads = 1;
  // How products and attention round what they multiply (runtime/ops/activation_type.h); the
  // projection is always computed in floats.
  ActivationType activations = ActivationType::kF32;
  bool checks_memory = true;           // refuse when weights and buffers exceed what is available
  std::function<bool()> is_cancelled;  // asked between layers; may be null
};

// Not thread-safe; works on `threads` threads, on which results do not depend.
class VisionTower {
 public:
  // `model` must outlive the tower. ResourceExhausted when memory will not suffice.
  static absl::StatusOr<std::unique_ptr<VisionTower>> Create(const VisionModel& model,
                                                             const VisionOptions& options);

  const VisionConfig& config() const { return config_; }

  // Rows [num_tokens][projection], tokens row by row from the image's top left, of normalised
  // pixels [3][image_size][image_size] (red, green, blue). They take the place of embeddings that
  // are scaled already (Gemma 3 does not scale them). InvalidArgument for another number of pixels;
  // Cancelled when is_cancelled says so. docs/performance.md says how long that takes.
  absl::StatusOr<std::vector<float>> Embed(absl::Span<const float> pixels);

  // Bytes of buffers, decoded positions and the transposed projection.
  static uint64_t BufferBytes(const VisionConfig& config);

 private:
  VisionTower(const VisionModel& model, const VisionOptions& options);
  void EmbedPatches(absl::Span<const float> pixels);
  void RunAttention(const VisionLayer& w);
  void RunFeedForward(const VisionLayer& w);
  std::vector<float> Project();
  void ForRows(size_t count, absl::FunctionRef<void(size_t)> body) const;
  void Normalise(const Norm& norm, size_t first, size_t count, float* out) const;
  // residual rows [first, first + count) += out
  void AddToResidual(size_t first, size_t count, const float* out);

  const VisionConfig& config_;
  const VisionWeights& weights_;
  const VisionOptions options_;
  Products products_;
  const std::vector<float> ones_;  // what GELU is multiplied by: it has no gate here
  Scratch hidden_, queries_, keys_, values_, attended_, normed_, inner_, out_;
  float* x_ = nullptr;  // residual [patches][embedding]
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_TOWER_H_
