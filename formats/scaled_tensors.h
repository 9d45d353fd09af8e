// The tensors of a checkpoint folder, 8-bit weights multiplied by their scales.
//
// Checkpoints of the methods "fp8" and "fbgemm_fp8" store a matrix as F8_E4M3 or F8_E5M2 and, in a
// tensor of its own ("<name>_scale_inv" or "<name>_scale"), what its values must be multiplied with
// (the name notwithstanding):
//   one number                     for all values,
//   [rows] or [rows, 1]            one for each row,
//   [ceil(rows / r), ceil(columns / c)]  one for each block of r rows and c columns, as
//                                  quantization_config.weight_block_size [r, c] says.
// Scales of activations, which such checkpoints may have too, are of no use to a GGUF.

#ifndef GGUF_TOOLCHAIN_FORMATS_SCALED_TENSORS_H_
#define GGUF_TOOLCHAIN_FORMATS_SCALED_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/folder.h"
#include "formats/hf_config.h"
#include "formats/safetensors_set.h"

namespace gguf {

// Thread-safe. Weights and scales are read when they are asked for; a call holds at most a few
// hundred KiB, besides the scales of the rows it reads.
class ScaledTensors {
 public:
  // Errors are those of SafetensorsSet::Open; InvalidArgument, naming the tensor, for a scale whose
  // shape fits none of the kinds, an 8-bit matrix without one (when config.json names the method),
  // two for one tensor.
  static absl::StatusOr<ScaledTensors> Open(const Folder& folder, const HfConfig& config);

  // All tensors as they are stored.
  static ScaledTensors Unscaled(SafetensorsSet set);

  // In file order, scales left out. A tensor with scales is presented as F32.
  size_t size() const { return tensors_.size(); }
  const SafetensorsTensor& tensor(size_t index) const { return tensors_[index]; }

  // Reads out.size() bytes of a tensor's data, as presented, from `offset` on: whole values.
  absl::Status Read(size_t index, uint64_t offset, absl::Span<uint8_t> out) const;

  // Where a tensor's data begins, for the order of reading (SafetensorsSet::Position).
  uint64_t Position(size_t index) const { return set_.Position(entries_[index]); }
  uint64_t stored_bytes(size_t index) const { return set_.tensor(entries_[index]).num_bytes; }
  bool is_stream() const { return set_.is_stream(); }

  // The files read from.
  const std::vector<std::string>& paths() const { return set_.paths(); }

 private:
  // Of a tensor of `matrices` matrices with `rows` rows each: one scale for every `block_rows` rows
  // and `block_columns` columns.
  struct Scale {
    size_t entry;  // of set_
    uint64_t rows;
    uint64_t block_rows;
    uint64_t block_columns;
    uint64_t grid_rows;  // per matrix
    uint64_t grid_columns;
  };

  explicit ScaledTensors(SafetensorsSet set) : set_(std::move(set)) {}
  absl::StatusOr<Scale> MatchScale(const HfConfig& config, size_t weight, size_t scale) const;
  absl::Status ReadScaled(size_t index, uint64_t first_value, absl::Span<float> out) const;

  SafetensorsSet set_;
  std::vector<SafetensorsTensor> tensors_;
  std::vector<size_t> entries_;  // of set_, by tensor
  std::vector<absl::optional<Scale>> scales_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_SCALED_TENSORS_H_
