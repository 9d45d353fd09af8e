// A Hugging Face checkpoint folder as a source of tensors.

#ifndef GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_
#define GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_

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
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(absl::string_view folder,
                                                          const OpenOptions& options);

  const std::string& name() const override { return folder_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override {
    return tensors_.has_value() ? tensors_->tensors() : no_tensors_;
  }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override;
  std::vector<std::string> input_paths() const override { return input_paths_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  explicit Checkpoint(absl::string_view folder) : folder_(folder) {}

  absl::Status SetGeneral(absl::string_view architecture, const OpenOptions& options);
  absl::Status SetTokenizerMetadata(const Family& family, const HfConfig& config,
                                    const ModelSizes& sizes, absl::string_view pre);

  std::string folder_;
  absl::optional<CheckpointTensors> tensors_;  // none: opened for the vocabulary only
  std::vector<SourceTensor> no_tensors_;
  Metadata metadata_;
  std::vector<std::string> input_paths_;
  std::vector<std::string> warnings_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_H_
