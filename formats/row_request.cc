#include "formats/row_request.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/tensor_type.h"

namespace gguf {

absl::StatusOr<uint64_t> CheckRowRequest(absl::string_view source_name,
                                         const std::vector<SourceTensor>& tensors, size_t index,
                                         uint64_t first_row, uint64_t num_rows, size_t out_bytes) {
  if (index >= tensors.size()) {
    return absl::OutOfRangeError(absl::StrCat(source_name, ": tensor number ", index,
                                              " was asked for, and there are ", tensors.size(),
                                              "."));
  }
  const SourceTensor& tensor = tensors[index];
  GGUF_ASSIGN_OR_RETURN(const uint64_t row_bytes, RowBytes(tensor.type, tensor.shape.columns()));
  const uint64_t rows = tensor.shape.rows();
  uint64_t bytes = 0;
  if (first_row > rows || num_rows > rows - first_row ||
      !CheckedMultiply(num_rows, row_bytes, &bytes) || bytes != out_bytes) {
    return absl::OutOfRangeError(absl::StrCat(source_name, ": tensor ", tensor.name, " has ", rows,
                                              " rows of ", row_bytes, " bytes, and ", num_rows,
                                              " rows from row ", first_row,
                                              " on were asked for in ", out_bytes, " bytes."));
  }
  return first_row * row_bytes;  // inside the tensor, whose size fits
}

}  // namespace gguf
