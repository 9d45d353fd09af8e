// Reading the rows of one GGUF tensor out of the stored tensors it is made of.

#ifndef GGUF_TOOLCHAIN_FORMATS_STORED_ROWS_H_
#define GGUF_TOOLCHAIN_FORMATS_STORED_ROWS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/arch/tensor_map.h"
#include "formats/scaled_tensors.h"

namespace gguf {

// Elements per block and bytes of a block of MXFP4 (block_mxfp4 of ggml-common.h, August 2026).
inline constexpr uint64_t kMxfp4BlockValues = 32;
inline constexpr uint64_t kMxfp4BlockBytes = 17;

// About where `first_row` of a tensor lies, counted as ScaledTensors::Position; ascending over the
// rows of a stored matrix.
uint64_t StoredPosition(const ScaledTensors& set, const MappedTensor& tensor, uint64_t first_row);

// Fills `out` with whole rows of `tensor`, from `first_row` (counted over all its matrices) on, in
// the element type of its stored tensors; reads from a stack's matrices, chooses and reorders rows
// as the tensor says. Holds at most one attention head, or the stored rows of what is asked for,
// besides `out`.
absl::Status ReadTensorRows(const ScaledTensors& set, const MappedTensor& tensor,
                            uint64_t first_row, absl::Span<uint8_t> out);

// The same of an MXFP4 tensor: rows of GGUF blocks, each the scale and then 16 bytes of which byte
// j holds value j in its low and value j + 16 in its high half. Stored, byte j of a block holds the
// values 2 j and 2 j + 1. Codes and scales are moved, nothing is computed.
absl::Status ReadMxfp4Rows(const ScaledTensors& set, const MappedTensor& tensor, uint64_t first_row,
                           absl::Span<uint8_t> out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_STORED_ROWS_H_
