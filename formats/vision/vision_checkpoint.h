// The vision tower and projector of a checkpoint folder as a source of tensors, named as in
// llama.cpp's projector file (mmproj).

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_VISION_CHECKPOINT_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_VISION_CHECKPOINT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/checkpoint_tensors.h"
#include "formats/folder.h"
#include "formats/open.h"
#include "formats/tensor_source.h"
#include "formats/vision/tower.h"

namespace gguf {

// A checkpoint of a class that AllTowerFamilies() names. Only the safetensors files that hold its
// vision tensors are opened; those of the language model need not be there. metadata() is that of a
// projector file, general.file_type excepted, which the plan of its conversion sets.
class VisionCheckpoint : public TensorSource {
 public:
  // `options`: model_name and metadata_file count. Unimplemented: a model without a vision tower,
  // or with another one. InvalidArgument, naming the tensors: one that is missing, unknown, there
  // twice, or of a shape that does not follow from config.json.
  static absl::StatusOr<std::unique_ptr<VisionCheckpoint>> Open(const Folder& folder,
                                                                const OpenOptions& options);

  const TowerSizes& sizes() const { return sizes_; }

  const std::string& name() const override { return folder_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_.tensors(); }
  bool is_stream() const override { return tensors_.is_stream(); }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override {
    return tensors_.StreamPosition(index, first_row);
  }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    return tensors_.ReadRows(index, first_row, num_rows, out);
  }
  std::vector<std::string> input_paths() const override { return input_paths_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  VisionCheckpoint(absl::string_view folder, const TowerSizes& sizes, CheckpointTensors tensors)
      : folder_(folder), sizes_(sizes), tensors_(std::move(tensors)) {}

  std::string folder_;
  TowerSizes sizes_;
  CheckpointTensors tensors_;
  Metadata metadata_;
  std::vector<std::string> input_paths_;
  std::vector<std::string> warnings_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_VISION_CHECKPOINT_H_
