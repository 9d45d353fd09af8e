// Hyperparameters of a vision tower with Gemma 3's projector, from either kind of file that holds
// one: a projector file of llama.cpp (general.architecture "clip"; "mmproj" in its name) or
// Ollama's single file (architecture "gemma3", text and tower together).

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_CONFIG_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_CONFIG_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "gguf/metadata.h"

namespace gguf {

inline constexpr uint32_t kMaxImageSide = 1u << 14;     // pixels of a tower's images
inline constexpr uint32_t kMaxImagePatches = 1u << 16;  // Gemma 3 has 4096

enum class VisionLayout { kProjectorFile, kOllama };

struct VisionConfig {
  VisionLayout layout = VisionLayout::kProjectorFile;
  uint32_t image_size = 0;  // pixels of a side
  uint32_t patch_size = 0;  // pixels of a side; divides image_size
  uint32_t num_layers = 0;
  uint32_t embedding = 0;  // values per patch
  uint32_t feed_forward = 0;
  uint32_t num_heads = 0;     // divides embedding
  uint32_t pooling = 0;       // patches of a side that become one token; divides grid()
  uint32_t projection = 0;    // values per token: the text model's embedding length
  float norm_epsilon = 0.0f;  // of the layer norms and of the projector's RMS norm
  std::array<float, 3> mean = {0.5f, 0.5f, 0.5f};       // of red, green, blue from 0 to 1:
  std::array<float, 3> deviation = {0.5f, 0.5f, 0.5f};  // pixels become (x - mean) / deviation

  uint32_t grid() const { return image_size / patch_size; }
  size_t num_patches() const { return size_t{grid()} * grid(); }
  size_t num_tokens() const { return num_patches() / pooling / pooling; }
  size_t patch_values() const { return size_t{3} * patch_size * patch_size; }
};

// Reads clip.* or gemma3.* (its vision and mm keys). Unimplemented for other architectures and
// projectors; otherwise one sentence with key, found and expected.
absl::StatusOr<VisionConfig> ReadVisionConfig(const Metadata& metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_VISION_CONFIG_H_
