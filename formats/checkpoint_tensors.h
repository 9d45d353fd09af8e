// The tensors of a checkpoint as a GGUF has them: names mapped, rows reordered, small ones widened.

#ifndef GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_TENSORS_H_
#define GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/arch/arch.h"
#include "formats/arch/tensor_map.h"
#include "formats/hf_config.h"
#include "formats/scaled_tensors.h"
#include "formats/tensor_source.h"

namespace gguf {

// Thread-safe. Data is read by position; beyond the rows asked for, a call holds at most one
// attention head, or twice the rows in the checkpoint's type when they are widened, chosen or
// repacked.
class CheckpointTensors {
 public:
  // Opens the safetensors files of `folder` and maps them by the rules of `family`. Every error of
  // names and shapes shows here, before any data is read.
  static absl::StatusOr<CheckpointTensors> Open(const Folder& folder, const Family& family,
                                                const HfConfig& config, const ModelSizes& sizes);

  // Of tensors mapped already. Errors: stacks of different element types.
  static absl::StatusOr<CheckpointTensors> FromMapped(absl::string_view folder, ScaledTensors set,
                                                      std::vector<MappedTensor> mapped);

  // Generated tensors first, then the checkpoint's, in the order of its headers.
  const std::vector<SourceTensor>& tensors() const { return tensors_; }

  // As in TensorSource.
  bool is_stream() const { return set_.is_stream(); }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const;
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const;

  const std::vector<std::string>& paths() const { return set_.paths(); }

 private:
  static absl::StatusOr<CheckpointTensors> Create(absl::string_view folder, ScaledTensors set,
                                                  std::vector<GeneratedTensor> generated,
                                                  std::vector<MappedTensor> mapped);

  CheckpointTensors(absl::string_view folder, ScaledTensors set)
      : folder_(folder), set_(std::move(set)) {}

  std::string folder_;
  ScaledTensors set_;
  std::vector<GeneratedTensor> generated_;
  std::vector<MappedTensor> mapped_;
  std::vector<SourceTensor> tensors_;  // generated_, then mapped_
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CHECKPOINT_TENSORS_H_
