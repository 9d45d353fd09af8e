// Stable units of work over tensors: row ranges that depend on shapes alone, whatever the number of
// threads or the memory at hand.

#ifndef GGUF_TOOLCHAIN_FORMATS_ROW_RANGES_H_
#define GGUF_TOOLCHAIN_FORMATS_ROW_RANGES_H_

#include <cstdint>
#include <vector>

#include "gguf/shape.h"

namespace gguf {

// Rows of one tensor, counted over all its outer dimensions; never crosses from one matrix (expert)
// to the next.
struct RowRange {
  size_t tensor;  // index of the caller's
  uint64_t first_row;
  uint64_t num_rows;
};

// A range holds whole rows, as many as fit into this many values, and at least one.
inline constexpr uint64_t kRangeValues = uint64_t{1} << 18;

// Appends the ranges of a tensor, in order; none for a tensor without values.
void AppendRowRanges(size_t tensor, const Shape& shape, std::vector<RowRange>* ranges);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ROW_RANGES_H_
