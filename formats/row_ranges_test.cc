#include "formats/row_ranges.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(RowRangesTest, CoverEveryRowOnceInOrder) {
  const Shape kShapes[] = {{},           {1},
                           {7},          {3, 5},
                           {4097, 512},  {2, 1000, 64},
                           {2, 3, 5, 7}, {5, kRangeValues + 1},
                           {0, 32},      {3, kRangeValues / 2}};
  for (const Shape& shape : kShapes) {
    std::vector<RowRange> ranges;
    AppendRowRanges(9, shape, &ranges);
    const uint64_t rows_per_matrix = shape.matrices() == 0 ? 0 : shape.rows() / shape.matrices();
    uint64_t next = 0;
    for (const RowRange& range : ranges) {
      EXPECT_EQ(range.tensor, 9u);
      EXPECT_EQ(range.first_row, next) << shape.ToString();
      EXPECT_GT(range.num_rows, 0u);
      EXPECT_TRUE(range.num_rows == 1 || range.num_rows * shape.columns() <= kRangeValues);
      EXPECT_EQ(range.first_row / rows_per_matrix,
                (range.first_row + range.num_rows - 1) / rows_per_matrix)
          << shape.ToString();
      next += range.num_rows;
    }
    EXPECT_EQ(next, shape.num_values() == 0 ? 0 : shape.rows()) << shape.ToString();
  }
}

}  // namespace
}  // namespace gguf
