#include "formats/stored_rows.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "formats/row_order.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// How a stored tensor lies in memory, in rows that the tensor's choice counts: those of a matrix,
// or the elements of a vector.
struct Layout {
  uint64_t matrix_rows;  // that become rows of the GGUF tensor
  uint64_t row_bytes;
};

// Rows [row, row + num_rows) within matrix `matrix` of the tensor.
struct Stretch {
  uint64_t matrix;
  uint64_t row;
  uint64_t num_rows;
};

// Rows that lie together are part `index` of `count` equal ones.
struct Part {
  uint64_t count, index;
};
Part PartOf(RowChoice choice) {
  switch (choice) {
    case RowChoice::kFirstHalf:
      return {2, 0};
    case RowChoice::kSecondHalf:
      return {2, 1};
    case RowChoice::kFirstThird:
      return {3, 0};
    case RowChoice::kSecondThird:
      return {3, 1};
    case RowChoice::kLastThird:
      return {3, 2};
    case RowChoice::kAll:
    case RowChoice::kEven:
    case RowChoice::kOdd:
      break;
  }
  return {1, 0};
}

// Distance between the stored rows of two that follow one another in the tensor.
uint64_t StrideOf(RowChoice choice) {
  return choice == RowChoice::kEven || choice == RowChoice::kOdd ? 2 : 1;
}

// How many stored rows there are for one of the tensor.
uint64_t StoredFor(RowChoice choice) { return StrideOf(choice) * PartOf(choice).count; }

// Where row `row` of the tensor's `rows` is among the stored ones.
uint64_t StoredRow(RowChoice choice, uint64_t row, uint64_t rows) {
  return PartOf(choice).index * rows + StrideOf(choice) * row + (choice == RowChoice::kOdd ? 1 : 0);
}

// Reads stored rows of one matrix: `first` counts from the start of that matrix.
class MatrixReader {
 public:
  MatrixReader(const ScaledTensors& set, size_t source, uint64_t first_stored_row,
               uint64_t row_bytes)
      : set_(set), source_(source), base_(first_stored_row), row_bytes_(row_bytes) {}

  absl::Status Read(uint64_t first, absl::Span<uint8_t> rows) const {
    return set_.Read(source_, (base_ + first) * row_bytes_, rows);
  }

 private:
  const ScaledTensors& set_;
  size_t source_;
  uint64_t base_;
  uint64_t row_bytes_;
};

// Every second row, from `first_stored` on.
absl::Status ReadAlternate(const MatrixReader& reader, uint64_t first_stored, uint64_t row_bytes,
                           absl::Span<uint8_t> out) {
  const uint64_t num_rows = out.size() / row_bytes;
  const uint64_t stored_bytes = (2 * num_rows - 1) * row_bytes;
  const std::unique_ptr<uint8_t[]> stored(new uint8_t[stored_bytes]);
  GGUF_RETURN_IF_ERROR(reader.Read(first_stored, absl::MakeSpan(stored.get(), stored_bytes)));
  for (uint64_t row = 0; row < num_rows; ++row) {
    std::memcpy(out.data() + row * row_bytes, stored.get() + 2 * row * row_bytes, row_bytes);
  }
  return absl::OkStatus();
}

absl::Status ReadStretch(const ScaledTensors& set, const MappedTensor& tensor, const Layout& layout,
                         size_t source, const Stretch& stretch, absl::Span<uint8_t> out) {
  const bool is_stack = tensor.sources.size() > 1;
  const uint64_t stored_rows = layout.matrix_rows * StoredFor(tensor.choice);
  const MatrixReader reader(set, source, is_stack ? 0 : stretch.matrix * stored_rows,
                            layout.row_bytes);
  const uint64_t first = StoredRow(tensor.choice, stretch.row, layout.matrix_rows);
  if (StrideOf(tensor.choice) > 1) return ReadAlternate(reader, first, layout.row_bytes, out);
  if (tensor.choice != RowChoice::kAll) return reader.Read(first, out);
  if (tensor.permuted_heads == 0) return reader.Read(stretch.row, out);
  return ReadInterleavedRows(
      layout.matrix_rows / tensor.permuted_heads, layout.row_bytes, stretch.row,
      [&](uint64_t row, absl::Span<uint8_t> bytes) { return reader.Read(row, bytes); }, out);
}

// `out` is rows of `layout`, from `first_row` on. `source`: index into the set of a tensor that is
// no stack.
absl::Status ReadByLayout(const ScaledTensors& set, const MappedTensor& tensor,
                          const Layout& layout, size_t source, uint64_t first_row,
                          absl::Span<uint8_t> out) {
  uint64_t num_rows = out.size() / layout.row_bytes;
  uint8_t* place = out.data();
  while (num_rows > 0) {
    Stretch stretch = {first_row / layout.matrix_rows, first_row % layout.matrix_rows, 0};
    stretch.num_rows = std::min(num_rows, layout.matrix_rows - stretch.row);
    const uint64_t bytes = stretch.num_rows * layout.row_bytes;
    const bool is_stack = tensor.sources.size() > 1;
    GGUF_RETURN_IF_ERROR(ReadStretch(set, tensor, layout,
                                     is_stack ? tensor.sources[stretch.matrix] : source, stretch,
                                     absl::MakeSpan(place, bytes)));
    place += bytes;
    first_row += stretch.num_rows;
    num_rows -= stretch.num_rows;
  }
  return absl::OkStatus();
}

// Rows of one matrix of a tensor with more than two dimensions, or of all of it.
uint64_t MatrixRows(const Shape& shape) {
  return shape.rank() <= 2 ? shape.rows() : shape.dims()[shape.rank() - 2];
}

// Moves a block's 32 codes and its scale to where a GGUF has them.
void RepackBlock(const uint8_t* codes, uint8_t scale, uint8_t* block) {
  const auto code = [codes](int value) -> uint8_t {
    return value % 2 == 0 ? codes[value / 2] & 15 : codes[value / 2] >> 4;
  };
  block[0] = scale;
  for (int j = 0; j < 16; ++j) block[1 + j] = static_cast<uint8_t>(code(j) | code(j + 16) << 4);
}

// Rows of the transpose of a stored matrix: a stretch of each of its rows.
absl::Status ReadTransposedStretch(const ScaledTensors& set, const MappedTensor& tensor,
                                   const Stretch& stretch, absl::Span<uint8_t> out) {
  const uint64_t element_bytes = ElementBytes(set.tensor(tensor.sources[0]).type);
  const uint64_t columns = tensor.shape.columns();
  const uint64_t rows = MatrixRows(tensor.shape);
  const uint64_t stored_columns = rows * StoredFor(tensor.choice);
  const uint64_t stride = StrideOf(tensor.choice);
  const uint64_t first = StoredRow(tensor.choice, stretch.row, rows);
  const uint64_t stored_bytes = ((stretch.num_rows - 1) * stride + 1) * element_bytes;
  const std::unique_ptr<uint8_t[]> stored(new uint8_t[stored_bytes]);
  for (uint64_t column = 0; column < columns; ++column) {
    const uint64_t position = (stretch.matrix * columns + column) * stored_columns + first;
    GGUF_RETURN_IF_ERROR(set.Read(tensor.sources[0], position * element_bytes,
                                  absl::MakeSpan(stored.get(), stored_bytes)));
    for (uint64_t row = 0; row < stretch.num_rows; ++row) {
      std::memcpy(out.data() + (row * columns + column) * element_bytes,
                  stored.get() + row * stride * element_bytes, element_bytes);
    }
  }
  return absl::OkStatus();
}

// Rows [first_row, ...), counted over all matrices.
absl::Status ReadTransposedRows(const ScaledTensors& set, const MappedTensor& tensor,
                                uint64_t first_row, absl::Span<uint8_t> out) {
  const uint64_t matrix_rows = MatrixRows(tensor.shape);
  const uint64_t row_bytes =
      tensor.shape.columns() * ElementBytes(set.tensor(tensor.sources[0]).type);
  while (!out.empty()) {
    Stretch stretch = {first_row / matrix_rows, first_row % matrix_rows, 0};
    stretch.num_rows = std::min(out.size() / row_bytes, matrix_rows - stretch.row);
    GGUF_RETURN_IF_ERROR(
        ReadTransposedStretch(set, tensor, stretch, out.subspan(0, stretch.num_rows * row_bytes)));
    out.remove_prefix(stretch.num_rows * row_bytes);
    first_row += stretch.num_rows;
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t StoredPosition(const ScaledTensors& set, const MappedTensor& tensor, uint64_t first_row) {
  const uint64_t matrix_rows = MatrixRows(tensor.shape);
  const uint64_t matrix = first_row / matrix_rows;
  const double part = static_cast<double>(first_row % matrix_rows) / matrix_rows;
  const bool is_stack = tensor.sources.size() > 1;
  const size_t source = tensor.sources[is_stack ? matrix : 0];
  const uint64_t bytes = set.stored_bytes(source) / (is_stack ? 1 : tensor.shape.matrices());
  const uint64_t begin = set.Position(source) + (is_stack ? 0 : matrix * bytes);
  if (tensor.is_transposed) return begin;  // every row needs all of the stored matrix
  const Part chosen = PartOf(tensor.choice);
  const double within =
      (static_cast<double>(chosen.index) + part) / static_cast<double>(chosen.count);
  return begin + static_cast<uint64_t>(within * static_cast<double>(bytes));
}

absl::Status ReadTensorRows(const ScaledTensors& set, const MappedTensor& tensor,
                            uint64_t first_row, absl::Span<uint8_t> out) {
  const uint64_t element_bytes = ElementBytes(set.tensor(tensor.sources[0]).type);
  const uint64_t columns = tensor.shape.columns();
  if (tensor.is_transposed) return ReadTransposedRows(set, tensor, first_row, out);
  if (!tensor.is_bias) {
    return ReadByLayout(set, tensor, {MatrixRows(tensor.shape), columns * element_bytes},
                        tensor.sources[0], first_row, out);
  }
  // A vector is one row to callers; its elements are what is chosen and reordered.
  return ReadByLayout(set, tensor, {columns, element_bytes}, tensor.sources[0], first_row * columns,
                      out);
}

absl::Status ReadMxfp4Rows(const ScaledTensors& set, const MappedTensor& tensor, uint64_t first_row,
                           absl::Span<uint8_t> out) {
  const uint64_t row_blocks = tensor.shape.columns() / kMxfp4BlockValues;
  const uint64_t num_blocks = out.size() / kMxfp4BlockBytes;
  const uint64_t code_bytes = kMxfp4BlockValues / 2;
  const std::unique_ptr<uint8_t[]> codes(new uint8_t[num_blocks * code_bytes]);
  const std::unique_ptr<uint8_t[]> scales(new uint8_t[num_blocks]);
  const uint64_t matrix_rows = MatrixRows(tensor.shape);
  GGUF_RETURN_IF_ERROR(ReadByLayout(set, tensor, {matrix_rows, row_blocks * code_bytes},
                                    tensor.sources[0], first_row,
                                    absl::MakeSpan(codes.get(), num_blocks * code_bytes)));
  GGUF_RETURN_IF_ERROR(ReadByLayout(set, tensor, {matrix_rows, row_blocks}, *tensor.scales,
                                    first_row, absl::MakeSpan(scales.get(), num_blocks)));
  for (uint64_t b = 0; b < num_blocks; ++b) {
    RepackBlock(codes.get() + b * code_bytes, scales[b], out.data() + b * kMxfp4BlockBytes);
  }
  return absl::OkStatus();
}

}  // namespace gguf
