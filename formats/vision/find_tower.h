// The tensors of a vision tower in a source that has them, whatever they are called.

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_FIND_TOWER_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_FIND_TOWER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"
#include "formats/vision/tower.h"

namespace gguf {

struct FoundTower {
  TowerSizes sizes;
  std::vector<TowerTensor> tensors;  // ListTowerTensors
  std::vector<size_t> indices;       // of each, into the source's tensors()
  // The source calls the first feed-forward matrix ffn_down and the second ffn_up, as the first
  // projector files of Gemma 3 do. Decided by shape; the names count when both have one shape.
  bool is_legacy = false;
};

// Of a projector file (general.architecture "clip") or a VisionCheckpoint; or, `is_ollama`, of
// Ollama's single file, whose language model is passed over. InvalidArgument names the tensors: one
// that is missing, of another shape than the metadata say, or (in a projector file) unknown.
absl::StatusOr<FoundTower> FindTower(const TensorSource& source, bool is_ollama);

// Opens a projector file, or the vision half of a checkpoint: its folder or an archive of it
// (formats/archive.h). InvalidArgument, saying what
// the file is instead: a model without a tower, one that is joined with its tower already.
absl::StatusOr<std::unique_ptr<TensorSource>> OpenTower(absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_FIND_TOWER_H_
