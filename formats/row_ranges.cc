#include "formats/row_ranges.h"

#include <algorithm>

namespace gguf {

void AppendRowRanges(size_t tensor, const Shape& shape, std::vector<RowRange>* ranges) {
  if (shape.num_values() == 0) return;
  const uint64_t matrices = shape.matrices();
  const uint64_t rows_per_matrix = shape.rows() / matrices;
  const uint64_t rows_per_range = std::max<uint64_t>(1, kRangeValues / shape.columns());
  for (uint64_t matrix = 0; matrix < matrices; ++matrix) {
    for (uint64_t row = 0; row < rows_per_matrix; row += rows_per_range) {
      ranges->push_back({tensor, matrix * rows_per_matrix + row,
                         std::min(rows_per_range, rows_per_matrix - row)});
    }
  }
}

}  // namespace gguf
