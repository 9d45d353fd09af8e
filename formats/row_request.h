// The check every TensorSource makes first: is the range of rows inside the tensor, and does the
// buffer fit it.

#ifndef GGUF_TOOLCHAIN_FORMATS_ROW_REQUEST_H_
#define GGUF_TOOLCHAIN_FORMATS_ROW_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"

namespace gguf {

// Byte offset of `first_row` within tensor `index`. OutOfRange, naming source and tensor, when
// there is no such tensor or row, or `out_bytes` is not num_rows * RowBytes.
absl::StatusOr<uint64_t> CheckRowRequest(absl::string_view source_name,
                                         const std::vector<SourceTensor>& tensors, size_t index,
                                         uint64_t first_row, uint64_t num_rows, size_t out_bytes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ROW_REQUEST_H_
