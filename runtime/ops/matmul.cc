#include "runtime/ops/matmul.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "formats/codec/codec.h"
#include "gguf/base/parallel.h"
#include "runtime/ops/gemm.h"

namespace gguf {
namespace {

// Up to this many activations are multiplied one by one with each decoded row: a panel would be
// mostly empty.
constexpr size_t kMaxFew = 4;

// Rows of W per task: a multiple of the 14 and of the 6 rows that gemm-inl.h takes at a time.
constexpr size_t kTileRows = 42;
// Columns decoded at a time, a multiple of every block: panel and decoded rows fit a 48 KiB cache.
constexpr size_t kTileColumns = 256;
constexpr size_t kFewRows = 32;  // rows of W per task for few activations

size_t Tiles(size_t count, size_t tile) { return (count + tile - 1) / tile; }

float* ThreadScratch(size_t count) {
  thread_local Scratch scratch;
  return scratch.Get(count);
}

struct RowReader {
  explicit RowReader(const WeightMatrix& w)
      : weights(w),
        info(InfoOf(w.type)),
        decode(CodecOf(w.type).decode),
        row_bytes(w.columns / info.block_values * info.block_bytes) {}

  // Columns [column, column + count) of a row; whole blocks.
  void Read(size_t row, size_t column, size_t count, float* out) const {
    const size_t offset = column / info.block_values * info.block_bytes;
    decode(weights.data + row * row_bytes + offset, count, out);
  }

  const WeightMatrix& weights;
  const TensorTypeInfo& info;
  void (*decode)(const uint8_t*, size_t, float*);
  size_t row_bytes;
};

void MultiplyFew(const Activations& x, const MatrixProduct& product, size_t first, size_t last) {
  const RowReader reader(product.weights);
  const size_t columns = x.columns();
  constexpr size_t kPiece = 4 * kTileColumns;  // decoded values that stay in the nearest cache
  float* row = ThreadScratch(kPiece);
  for (size_t r = first; r < last; ++r) {
    float sums[kMaxFew] = {};
    for (size_t column = 0; column < columns; column += kPiece) {
      const size_t count = std::min(kPiece, columns - column);
      reader.Read(r, column, count, row);
      for (size_t i = 0; i < x.count(); ++i) {
        sums[i] += DotProduct(row, x.values() + i * columns + column, count);
      }
    }
    const float bias = product.bias == nullptr ? 0.0f : product.bias[r];
    for (size_t i = 0; i < x.count(); ++i) product.out[i * product.out_stride + r] = sums[i] + bias;
  }
}

// sums [rows][panels * kGemmLanes] -> out
void StoreTile(const float* sums, size_t stride, size_t first, size_t rows, size_t count,
               const MatrixProduct& product) {
  for (size_t i = 0; i < count; ++i) {
    float* out = product.out + i * product.out_stride + first;
    for (size_t r = 0; r < rows; ++r) {
      out[r] = sums[r * stride + i] + (product.bias == nullptr ? 0.0f : product.bias[first + r]);
    }
  }
}

void MultiplyMany(const Activations& x, const MatrixProduct& product, size_t first, size_t last) {
  const RowReader reader(product.weights);
  const size_t rows = last - first;
  const size_t num_panels = Tiles(x.count(), kGemmLanes);
  const size_t stride = num_panels * kGemmLanes;
  float* sums = ThreadScratch(kTileRows * (stride + kTileColumns));
  float* tile = sums + kTileRows * stride;
  std::fill_n(sums, rows * stride, 0.0f);
  for (size_t column = 0; column < x.columns(); column += kTileColumns) {
    const size_t depth = std::min(kTileColumns, x.columns() - column);
    for (size_t r = 0; r < rows; ++r) {
      reader.Read(first + r, column, depth, tile + r * kTileColumns);
    }
    for (size_t p = 0; p < num_panels; ++p) {
      GemmPanel({tile, kTileColumns, 1}, rows, x.panel(p) + column * kGemmLanes, depth,
                sums + p * kGemmLanes, stride, std::min(kGemmLanes, x.count() - p * kGemmLanes));
    }
  }
  StoreTile(sums, stride, first, rows, x.count(), product);
}

}  // namespace

void Activations::Assign(const float* values, size_t count, size_t columns, int threads) {
  values_ = values;
  count_ = count;
  columns_ = columns;
  panels_ = nullptr;
  if (count <= kMaxFew) return;
  const size_t num_panels = Tiles(count, kGemmLanes);
  const size_t pieces = Tiles(columns, kTileColumns);
  float* packed = packed_.Get(num_panels * kGemmLanes * columns);
  (void)ParallelFor(num_panels * pieces, threads, [&](uint64_t task, int) {
    const size_t p = task / pieces;
    const size_t column = task % pieces * kTileColumns;
    PackPanel(values + p * kGemmLanes * columns + column, columns,
              std::min(kGemmLanes, count - p * kGemmLanes),
              std::min(kTileColumns, columns - column),
              packed + (p * columns + column) * kGemmLanes);
    return absl::OkStatus();
  });
  panels_ = packed;
}

const float* Activations::panel(size_t p) const { return panels_ + p * kGemmLanes * columns_; }

void Multiply(const Activations& x, absl::Span<const MatrixProduct> products, int threads) {
  const size_t rows_per_task = x.is_packed() ? kTileRows : kFewRows;
  std::vector<size_t> ends;  // of each product's tasks
  size_t num_tasks = 0;
  for (const MatrixProduct& product : products) {
    num_tasks += Tiles(product.weights.rows, rows_per_task);
    ends.push_back(num_tasks);
  }
  (void)ParallelFor(num_tasks, threads, [&](uint64_t task, int) {
    const size_t p = std::upper_bound(ends.begin(), ends.end(), task) - ends.begin();
    const size_t first = (task - (p == 0 ? 0 : ends[p - 1])) * rows_per_task;
    const size_t last = std::min(first + rows_per_task, products[p].weights.rows);
    if (x.is_packed()) {
      MultiplyMany(x, products[p], first, last);
    } else {
      MultiplyFew(x, products[p], first, last);
    }
    return absl::OkStatus();
  });
}

void MultiplyReference(const float* x, size_t count, const MatrixProduct& product) {
  const WeightMatrix& w = product.weights;
  const TensorTypeInfo& info = InfoOf(w.type);
  const size_t row_bytes = w.columns / info.block_values * info.block_bytes;
  std::vector<float> row(w.columns);
  for (size_t r = 0; r < w.rows; ++r) {
    CodecOf(w.type).decode_reference(w.data + r * row_bytes, w.columns, row.data());
    for (size_t i = 0; i < count; ++i) {
      double sum = product.bias == nullptr ? 0.0 : product.bias[r];
      for (size_t k = 0; k < w.columns; ++k) sum += double{x[i * w.columns + k]} * row[k];
      product.out[i * product.out_stride + r] = static_cast<float>(sum);
    }
  }
}

}  // namespace gguf
