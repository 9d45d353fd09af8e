// A Hugging Face checkpoint folder as a source of tensors.

#ifndef GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_
#define GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/checkpoint_tensors.h"
#include "formats/open.h"
#include "formats/tensor_source.h"

namespace gguf {

// OpenCheckpoint (open.h) makes one. Everything is checked when it is opened: the family, the names
// and shapes of all tensors, the vocabulary. metadata() is that of a conversion which keeps the
// checkpoint's precision.
class Checkpoint : public TensorSource {
 public:
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const Folder& folder,
                                                          const OpenOptions& options);

  const std::string& name() const override { return path_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override {
    return tensors_.has_value() ? tensors_->tensors() : no_tensors_;
  }
  bool is_stream() const override { return tensors_.has_value() && tensors_->is_stream(); }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override {
    return tensors_.has_value() ? tensors_->StreamPosition(index, first_row) : 0;
  }
  std::string reading_note() const override {
    return reading_note_ == nullptr ? std::string() : reading_note_();
  }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override;
  std::vector<std::string> input_paths() const override { return input_paths_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  explicit Checkpoint(const std::string& path) : path_(path) {}

  absl::Status SetGeneral(const Folder& folder, absl::string_view architecture,
                          const OpenOptions& options);
  absl::Status SetTokenizerMetadata(const Folder& folder, const Family& family,
                                    const HfConfig& config, const ModelSizes& sizes,
                                    absl::string_view pre);

  std::string path_;
  absl::optional<CheckpointTensors> tensors_;  // none: opened for the vocabulary only
  std::vector<SourceTensor> no_tensors_;
  Metadata metadata_;
  std::function<std::string()> reading_note_;  // null: nothing to say
  std::vector<std::string> input_paths_;
  std::vector<std::string> warnings_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_
