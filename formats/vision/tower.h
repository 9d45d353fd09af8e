// The vision tower of Gemma 3 (SigLIP) and its projector as data: sizes, the names that a
// checkpoint, llama.cpp's projector file (mmproj) and Ollama's single file give to the same tensors
// and keys, and the type each container stores them in.
//
// Sources: the tensor names of the training library, of llama.cpp (August 2026) and of Ollama
// (v0.6 to August 2026).

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/json.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct TowerSizes {
  uint64_t blocks = 0;
  uint64_t width = 0;  // of a patch's vector in the tower
  uint64_t feed_forward = 0;
  uint64_t heads = 0;
  uint64_t image_size = 0;  // pixels of a side
  uint64_t patch_size = 0;  // likewise; divides image_size
  uint64_t channels = 3;
  uint64_t positions = 0;   // patches of an image: (image_size / patch_size) squared
  uint64_t pool = 0;        // side of the square of patches whose mean becomes one token
  uint64_t text_width = 0;  // of a projected vector: the language model's embedding length
  float epsilon = 0;        // of the layer norms
  std::array<float, 3> image_mean = {0.5f, 0.5f, 0.5f};
  std::array<float, 3> image_std = {0.5f, 0.5f, 0.5f};

  uint64_t tokens_per_image() const {
    const uint64_t side = image_size / patch_size / pool;
    return side * side;
  }
};

// One tensor under its three names.
struct TowerTensor {
  // In a checkpoint, behind "vision_tower." or "multi_modal_projector." (NormalizeTowerName).
  std::string checkpoint;
  std::string mmproj;  // llama.cpp's name: "v.blk.0.attn_q.weight"
  std::string ollama;  // "v.blk.0.attn_q.weight", "v.blk.0.layer_norm1.weight"
  Shape shape;
  absl::optional<TensorType> mmproj_type;  // none: the type the user asks for
  TensorType ollama_type;
  bool adds_one;  // a checkpoint stores w, both containers 1 + w
};

// All tensors of a tower and its projector: 16 per block and 7. Shapes follow from the sizes, which
// must have been checked (the functions below do) against the number of tensors at hand.
std::vector<TowerTensor> ListTowerTensors(const TowerSizes& sizes);
inline constexpr uint64_t kTensorsPerBlock = 16;
inline constexpr uint64_t kTensorsBesidesBlocks = 7;

// "model.vision_tower.vision_model.post_layernorm.weight" -> "vision_tower.post_layernorm.weight",
// and so on for the prefixes in use; none for a tensor that belongs to neither tower nor projector.
absl::optional<std::string> NormalizeTowerName(absl::string_view name);

// Sizes as the containers give them. `origin` is what errors call the file. InvalidArgument, naming
// the key: one that is missing, of the wrong type, zero, or contradicts another; a tower that needs
// more than `num_tensors` tensors (so that a hostile count costs nothing).

// `config`: vision_config of config.json; `tokens_per_image`: of the image processor. Mean and
// standard deviation are left at their defaults. Unimplemented: an activation other than GELU in
// its tanh approximation, a tower of another kind.
absl::StatusOr<TowerSizes> TowerFromConfig(absl::string_view origin, const Json& config,
                                           uint64_t tokens_per_image, uint64_t text_width,
                                           uint64_t num_tensors);
// `metadata`: of a file whose general.architecture is "clip". Unimplemented for a projector other
// than "gemma3".
absl::StatusOr<TowerSizes> TowerFromMmproj(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors);
// `metadata`: of a single file as Ollama has it.
absl::StatusOr<TowerSizes> TowerFromOllama(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors);

// Sets clip.* and general.architecture and general.type.
void SetMmprojMetadata(const TowerSizes& sizes, Metadata* metadata);

// Sets gemma3.vision.* and gemma3.mm.*.
void SetOllamaTowerMetadata(const TowerSizes& sizes, Metadata* metadata);

// Beginnings of the keys that SetOllamaTowerMetadata sets and a text model does not have.
absl::Span<const absl::string_view> OllamaTowerKeyPrefixes();

// True for the name of a tensor that belongs to a vision tower, an audio tower or a projector in a
// GGUF ("v.", "mm.", "a.", "s.").
bool IsTowerTensor(absl::string_view gguf_name);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_H_
