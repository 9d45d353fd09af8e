// Vision towers and their projectors as data: sizes, the names that a checkpoint, llama.cpp's
// projector file (mmproj) and Ollama's single file (Gemma 3 only) give to the same tensors and
// keys, and the type each container stores them in. The families are in tower_family.h.
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
#include "formats/arch/arch.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct TowerFamily;
extern const TowerFamily kGemma3Tower;

struct TowerSizes {
  const TowerFamily* family = &kGemma3Tower;
  uint64_t blocks = 0;
  uint64_t unused_blocks = 0;  // of a checkpoint, behind the vectors that the projector takes
  uint64_t width = 0;          // of a patch's vector in the tower
  uint64_t feed_forward = 0;
  uint64_t heads = 0;
  uint64_t image_size = 0;  // pixels of a side
  uint64_t patch_size = 0;  // likewise; divides image_size
  uint64_t channels = 3;
  uint64_t positions = 0;        // patches of an image: (image_size / patch_size) squared
  uint64_t class_positions = 0;  // with the place for the class
  uint64_t merged_width = 0;     // of the patches that the projector takes together
  uint64_t pool = 0;  // of Gemma 3: side of the square of patches whose mean becomes one token
  uint64_t full_attention_every = 0;  // of Qwen 2.5 VL: blocks; the others see windows of the image
  uint64_t feed_forward_key = 0;      // of Qwen 2 VL: what stands under the feed-forward length
  uint64_t text_width = 0;  // of a projected vector: the language model's embedding length
  float epsilon = 0;        // of the layer norms
  std::array<float, 3> image_mean = {0.5f, 0.5f, 0.5f};
  std::array<float, 3> image_std = {0.5f, 0.5f, 0.5f};

  // Of Gemma 3.
  uint64_t tokens_per_image() const {
    const uint64_t side = image_size / patch_size / pool;
    return side * side;
  }
};

// The type of a tensor in a projector file.
enum class TowerType {
  kF32,
  kF16,
  kAsAsked,       // the type the user asks for
  kFloatAsAsked,  // likewise if it is F32, F16 or BF16, else F16
  kF16InF16File,  // F16 if the user asks for it, else F32
};

// `asked`: what the user asks for.
TensorType ResolveTowerType(TowerType type, TensorType asked);

// One tensor under its three names.
struct TowerTensor {
  std::string checkpoint;  // as NormalizeTowerName has it; parts of one tensor have one name
  std::string mmproj;      // llama.cpp's name: "v.blk.0.attn_q.weight"
  std::string ollama;      // "v.blk.0.attn_q.weight", "v.blk.0.layer_norm1.weight"; Gemma 3's only
  Shape shape;
  Shape stored_shape;  // in a checkpoint
  RowChoice choice;    // of the stored tensor's rows (of a vector: elements)
  TowerType mmproj_type;
  TensorType ollama_type;
  bool adds_one;  // a checkpoint stores w, both containers 1 + w
};

// All tensors of a tower and its projector. Shapes follow from the sizes, which must have been
// checked (the functions below do) against the number of tensors at hand.
std::vector<TowerTensor> ListTowerTensors(const TowerSizes& sizes);

// How many of them each block has.
uint64_t TowerTensorsPerBlock(const TowerFamily& family);

// Names in a checkpoint of the tensors of its unused blocks.
std::vector<std::string> ListUnusedTensors(const TowerSizes& sizes);

// "model.vision_tower.vision_model.post_layernorm.weight" -> "vision_tower.post_layernorm.weight",
// and so on for the prefixes in use; "visual." and "multi_modal_projector." stay. None for a tensor
// that belongs to neither tower nor projector.
absl::optional<std::string> NormalizeTowerName(absl::string_view name);

// Sizes as the containers give them. `origin` is what errors call the file. InvalidArgument, naming
// the key: one that is missing, of the wrong type, zero, or contradicts another; a tower that needs
// more than `num_tensors` tensors (so that a hostile count costs nothing).

// The family of config.json's class. Unimplemented: a model without a vision tower, or with a tower
// of a kind that no family has.
absl::StatusOr<const TowerFamily*> FindTowerFamily(const HfConfig& config);

// `tokens_per_image`: of the image processor; counts for Gemma 3. Mean and standard deviation are
// the family's usual ones. `num_tensors`: of the checkpoint's tower. Unimplemented: as above, and a
// key with a value that a projector file cannot express.
absl::StatusOr<TowerSizes> TowerFromConfig(const HfConfig& config, uint64_t tokens_per_image,
                                           uint64_t text_width, uint64_t num_tensors);
// `metadata`: of a file whose general.architecture is "clip". Unimplemented for a projector that no
// family has. The feed-forward length of Qwen 2 VL is 0: FindTower knows it from the tensors.
absl::StatusOr<TowerSizes> TowerFromMmproj(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors);
// `metadata`: of a single file as Ollama has it.
absl::StatusOr<TowerSizes> TowerFromOllama(absl::string_view origin, const Metadata& metadata,
                                           uint64_t num_tensors);

// Unimplemented unless `found` (of a key of config.json; null: absent) is null or `accepted`.
absl::Status CheckTowerConfig(absl::string_view origin, absl::string_view key, const Json* found,
                              absl::string_view accepted);

// Of Gemma 3: sets the pool that makes an image `tokens`.
absl::Status SetPoolFromTokens(absl::string_view origin, uint64_t tokens, TowerSizes* sizes);

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
