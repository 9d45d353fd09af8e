// Families of vision towers as data: what a conversion must know about one is a TowerFamily, in a
// file of its own (<name>_tower.cc), and a row in tower_family.cc.

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_FAMILY_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_FAMILY_H_

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/arch/arch.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "formats/vision/tower.h"
#include "gguf/metadata.h"
#include "gguf/tensor_type.h"

namespace gguf {

using TowerField = uint64_t TowerSizes::*;

// One tensor, or one of every block: "N" in the names stands for the block.
struct TowerRow {
  // In a checkpoint, as NormalizeTowerName gives it, and in a projector file.
  absl::string_view checkpoint, mmproj;
  std::array<TowerField, 4> dims;  // of the tensor, outermost first; null ends the list
  TowerType type = TowerType::kF32;

  // Also its bias, which is called ".bias" instead of ".weight", has the length of the first
  // dimension and is F32.
  bool has_bias = false;
  bool adds_one = false;  // a checkpoint stores w, a GGUF 1 + w

  // The tensor is a part of the stored one, whose outermost dimension is `parts` times as long; or,
  // with `part_axis`, which has a dimension of `parts` more, at that place.
  RowChoice choice = RowChoice::kAll;
  uint64_t parts = 1;
  size_t part_axis = 0;

  // In Ollama's single file; empty when it has no such towers.
  absl::string_view ollama = {};
  TensorType ollama_type = TensorType::kF32;
};

// A size under its names, and what the training library's class has when vision_config omits it. An
// empty name: that container does not say.
struct TowerSizeKey {
  absl::string_view config;
  uint64_t config_default;
  absl::string_view mmproj;
  TowerField field;
  absl::string_view ollama = {};
};

// A key of vision_config, and the only value that is supported; absent or null is that value.
struct TowerConfigCheck {
  absl::string_view key, accepted;
};

// A key of a projector file that is the same in all of a family.
struct TowerFlag {
  absl::string_view key;
  bool value;
};

struct TowerFamily {
  absl::string_view title;                      // "Gemma 3"
  absl::string_view projector;                  // clip.projector_type
  absl::Span<const absl::string_view> classes;  // config.json architectures[0]
  absl::Span<const TowerRow> rows;
  absl::Span<const TowerSizeKey> size_keys;
  absl::Span<const TowerConfigCheck> config_checks;
  absl::Span<const TowerFlag> flags;
  // Values of vision_config that programs take for granted: another one is warned of.
  absl::Span<const TowerConfigCheck> config_hints = {};
  // Beginnings of normalized names of tensors that no container has.
  absl::Span<const absl::string_view> dropped = {};

  float epsilon;                               // of the norms, when nothing says it
  absl::string_view epsilon_config = {};       // key of vision_config; empty: always `epsilon`
  std::array<float, 3> image_mean, image_std;  // when no file says them

  uint64_t merge = 1;  // side of the square of patches that become one vector in the projector

  // Images of image_size pixels only, which are whole patches, as each has a learned position.
  bool has_positions = true;

  // The key of the feed-forward length has another number: the tensors say it.
  bool feed_forward_from_tensors = false;

  // The rest may be null.

  // Sizes beyond `size_keys`; checks beyond `config_checks`. `tokens_per_image`: of the image
  // processor.
  absl::Status (*read_config)(const HfConfig& config, const Json& vision, uint64_t tokens_per_image,
                              TowerSizes* sizes) = nullptr;
  absl::Status (*read_metadata)(absl::string_view origin, const Metadata& metadata,
                                TowerSizes* sizes) = nullptr;
  void (*set_metadata)(const TowerSizes& sizes, Metadata* metadata) = nullptr;
};

// Mean and standard deviation that CLIP was trained with, per color.
inline constexpr std::array<float, 3> kClipMean = {0.48145466f, 0.4578275f, 0.40821073f};
inline constexpr std::array<float, 3> kClipStd = {0.26862954f, 0.26130258f, 0.27577711f};

// kGemma3Tower is declared in tower.h.
extern const TowerFamily kQwen2VlTower;
extern const TowerFamily kQwen25VlTower;
extern const TowerFamily kLlavaTower;

// A row per family.
absl::Span<const TowerFamily* const> AllTowerFamilies();

// InvalidArgument: `what` is wrong in `origin`.
absl::Status TowerContradiction(absl::string_view origin, const TowerFamily& family,
                                absl::string_view what);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_TOWER_FAMILY_H_
