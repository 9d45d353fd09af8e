// Where tensor data lies in a file: alignment, bounds, overlap, holes.

#ifndef GGUF_TOOLCHAIN_GGUF_PLACEMENT_H_
#define GGUF_TOOLCHAIN_GGUF_PLACEMENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gguf/tensor_info.h"
#include "gguf/warnings.h"

namespace gguf {

// `tensors` carry offsets relative to the data section, as stored. Checks that each is aligned,
// lies between `data_start` and `file_size` and overlaps no other, and makes them absolute.
// InvalidArgument names tensor, offset, found and expected. Warns of holes, of an order other than
// that of the infos, of missing final padding, of bytes after the end.
absl::Status CheckPlacement(uint64_t file_size, uint64_t alignment, uint64_t data_start,
                            absl::Span<TensorInfo> tensors, WarningList* warnings);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_PLACEMENT_H_
