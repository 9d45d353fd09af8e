// Reordering the rows of Q and K from the rotary layout of a checkpoint to that of a GGUF, while
// they are read.

#ifndef GGUF_TOOLCHAIN_FORMATS_ROW_ORDER_H_
#define GGUF_TOOLCHAIN_FORMATS_ROW_ORDER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"

namespace gguf {

// Reads rows [first_row, first_row + rows.size() / row_bytes) as stored.
using ReadStoredRows =
    absl::FunctionRef<absl::Status(uint64_t first_row, absl::Span<uint8_t> rows)>;

// Fills `out` with rows from `first_row` on of the matrix in which a head's rows are interleaved:
//   out[head * d + 2 * j + s] = stored[head * d + s * d / 2 + j],  j in [0, d / 2), s in {0, 1}
// with d = `head_rows`, which is even. `out` is whole rows of `row_bytes`. Calls `read` once for a
// whole head and twice for a part of one; holds at most one head besides `out`.
absl::Status ReadInterleavedRows(uint64_t head_rows, uint64_t row_bytes, uint64_t first_row,
                                 ReadStoredRows read, absl::Span<uint8_t> out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ROW_ORDER_H_
