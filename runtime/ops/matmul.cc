#include "runtime/ops/matmul.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "formats/codec/codec.h"
#include "gguf/base/parallel.h"
#include "runtime/ops/amx.h"
#include "runtime/ops/dot.h"
#include "runtime/ops/dot_bytes.h"
#include "runtime/ops/dot_q8.h"
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
// Rows of W per task on the matrix unit: many, because each task reads all activations once.
constexpr size_t kMinAmxTaskRows = 64, kMaxAmxTaskRows = 256;
constexpr size_t kMaxAmxSums = 128 * 1024;  // floats
// Columns of a piece there, which sums are loaded and stored once for: so that a piece of all
// activations, of a task's weights, and the task's sums stay in a cache of 2 MiB.
constexpr size_t AmxPiece(int parts) { return parts == 1 ? 512 : 256; }

// Types whose values are exact in fewer than three parts: a scale of so many bits times a code.
struct ExactParts {
  TensorType type;
  int parts;
};
constexpr ExactParts kExactParts[] = {
    {TensorType::kBF16, 1},  {TensorType::kMXFP4, 1}, {TensorType::kF16, 2},
    {TensorType::kQ4_0, 2},  {TensorType::kQ5_0, 2},  {TensorType::kTQ1_0, 2},
    {TensorType::kTQ2_0, 2}, {TensorType::kQ1_0, 2},  {TensorType::kQ2_0, 2}};

AmxParts PartsOf(TensorType type, ActivationType activations) {
  if (activations != ActivationType::kF32) return {1, 1};
  for (const ExactParts& exact : kExactParts) {
    if (exact.type == type) return {exact.parts, 3};
  }
  return {3, 3};
}

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

// The activations of one product in every order that its kernel may ask for.
class DotInputs {
 public:
  const DotActivations* Get(const Activations& x, DotOrder order, int num_parts) {
    std::vector<DotActivations>& rows = rows_[static_cast<size_t>(order)];
    if (ready_[static_cast<size_t>(order)]) return rows.data();
    ready_[static_cast<size_t>(order)] = true;
    rows.resize(std::max(rows.size(), x.count()));
    for (size_t i = 0; i < x.count(); ++i) {
      rows[i].Assign(x.values() + i * x.columns(), x.columns(), order, num_parts);
    }
    return rows.data();
  }

  const Q8Activations* GetQ8(const Activations& x) {
    if (q8_is_ready_) return q8_.data();
    q8_is_ready_ = true;
    q8_.resize(std::max(q8_.size(), x.count()));
    for (size_t i = 0; i < x.count(); ++i) {
      q8_[i].Assign(x.values() + i * x.columns(), x.columns());
    }
    return q8_.data();
  }

  void Clear() {
    std::fill(std::begin(ready_), std::end(ready_), false);
    q8_is_ready_ = false;
  }

 private:
  std::vector<DotActivations> rows_[kNumDotOrders];
  std::vector<Q8Activations> q8_;
  bool ready_[kNumDotOrders] = {};
  bool q8_is_ready_ = false;
};

// Rows by a kernel of their type, all for one activation and then for the next.
void MultiplyDots(const DotKernel& kernel, const DotActivations* x, size_t count,
                  const MatrixProduct& product, size_t first, size_t last) {
  const RowReader reader(product.weights);
  const uint8_t* rows = product.weights.data + first * reader.row_bytes;
  for (size_t i = 0; i < count; ++i) {
    float* out = product.out + i * product.out_stride;
    kernel.dot(rows, reader.row_bytes, last - first, product.weights.columns, x[i], out + first);
    if (product.bias == nullptr) continue;
    for (size_t r = first; r < last; ++r) out[r] += product.bias[r];
  }
}

// Rows of any block type by activations in 8 bits.
void MultiplyQ8(const Q8Activations* x, size_t count, const MatrixProduct& product, size_t first,
                size_t last) {
  const RowReader reader(product.weights);
  for (size_t r = first; r < last; ++r) {
    float sums[kMaxFew];
    DotQ8(product.weights.type, product.weights.data + r * reader.row_bytes,
          product.weights.columns, x, count, sums);
    const float bias = product.bias == nullptr ? 0.0f : product.bias[r];
    for (size_t i = 0; i < count; ++i) product.out[i * product.out_stride + r] = sums[i] + bias;
  }
}

// Rows decoded to float first.
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

// sums [rows][stride] -> out, turned for 16 tokens at a time: a line of sums is read, and all of a
// token's rows are written, at once.
void StoreTile(const float* sums, size_t stride, size_t first, size_t rows, size_t count,
               const MatrixProduct& product) {
  constexpr size_t kTokens = 16;
  float turned[kTokens][kTileRows];
  for (size_t begin = 0; begin < count; begin += kTokens) {
    const size_t num_tokens = std::min(kTokens, count - begin);
    for (size_t r = 0; r < rows; ++r) {
      const float bias = product.bias == nullptr ? 0.0f : product.bias[first + r];
      const float* from = sums + r * stride + begin;
      for (size_t i = 0; i < num_tokens; ++i) turned[i][r] = from[i] + bias;
    }
    for (size_t i = 0; i < num_tokens; ++i) {
      std::copy_n(turned[i], rows, product.out + (begin + i) * product.out_stride + first);
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
      GemmPanel({tile, kTileColumns, 1}, rows, x.float_panel(p) + column * kGemmLanes, depth,
                sums + p * kGemmLanes, stride, std::min(kGemmLanes, x.count() - p * kGemmLanes));
    }
  }
  StoreTile(sums, stride, first, rows, x.count(), product);
}

// As above on the matrix unit: rows in blocks of 32, each decoded and split per piece of columns.
void MultiplyAmx(const Activations& x, const MatrixProduct& product, AmxParts parts, size_t first,
                 size_t last) {
  const RowReader reader(product.weights);
  const size_t rows = last - first;
  const size_t num_blocks = Tiles(rows, kAmxRows);
  const size_t num_panels = Tiles(x.count(), kAmxTokens);
  const size_t stride = num_panels * kAmxTokens;
  const size_t num_sums = num_blocks * kAmxRows * stride;
  const size_t piece = AmxPiece(parts.activations);
  const size_t block_values = AmxValues(piece, parts.weights);
  float* sums = ThreadScratch(num_sums + piece + num_blocks * block_values / 2);
  float* row = sums + num_sums;
  uint16_t* blocks = reinterpret_cast<uint16_t*>(row + piece);
  std::fill_n(sums, num_sums, 0.0f);
  AmxBegin();
  for (size_t column = 0; column < x.columns(); column += piece) {
    const size_t depth = std::min(piece, x.columns() - column);
    for (size_t r = 0; r < rows; ++r) {
      reader.Read(first + r, column, depth, row);
      AmxPackWeights(row, r % kAmxRows, depth, parts.weights, blocks + r / kAmxRows * block_values);
    }
    // Rows beyond the last are left over from other blocks, and their sums are not stored.
    for (size_t p = 0; p < num_panels; ++p) {
      AmxMultiply(blocks, num_blocks, block_values, x.amx_panel(column / piece, p), depth, parts,
                  sums + p * kAmxTokens, stride);
    }
  }
  AmxEnd();
  AmxStoreTurned(sums, stride, rows, x.count(),
                 product.bias == nullptr ? nullptr : product.bias + first, product.out + first,
                 product.out_stride);
}

enum class Path { kDot, kQ8, kFew, kFloats, kAmx };

// One product, its way, and where its tasks end among those of all products.
struct Work {
  Path path;
  size_t task_rows = kFewRows;
  size_t end = 0;
  const DotKernel* kernel = nullptr;
  const DotActivations* inputs = nullptr;
  const Q8Activations* q8_inputs = nullptr;
  AmxParts parts;
};

// Block types whose codes take as long to unpack as their values: 8 bits would cost precision only.
constexpr TensorType kNoFasterInEightBits[] = {TensorType::kIQ1_M, TensorType::kIQ1_S,
                                               TensorType::kNVFP4};

bool IsFasterInEightBits(TensorType type) {
  return HasQ8Dot(type) &&
         std::find(std::begin(kNoFasterInEightBits), std::end(kNoFasterInEightBits), type) ==
             std::end(kNoFasterInEightBits);
}

// Fewer rows where there would be too few tasks for the threads, or too many sums for the cache.
size_t AmxTaskRows(size_t num_rows, size_t count, int threads) {
  size_t rows = kMaxAmxTaskRows;
  while (rows > kMinAmxTaskRows &&
         (Tiles(num_rows, rows) < 2 * static_cast<size_t>(threads) || rows * count > kMaxAmxSums)) {
    rows /= 2;
  }
  return rows;
}

Work ChoosePath(const MatrixProduct& product, size_t count, ActivationType activations,
                int threads) {
  const TensorType type = product.weights.type;
  Work work;
  if (count <= kMaxFew) {
    work.kernel = FindDotKernel(type);
    const bool is_q8 =
        activations == ActivationType::kQ8 &&
        (FindBytesDot(type) != nullptr || (work.kernel == nullptr && IsFasterInEightBits(type)));
    work.path = is_q8 ? Path::kQ8 : work.kernel != nullptr ? Path::kDot : Path::kFew;
  } else if (HasAmx()) {
    work.path = Path::kAmx;
    work.parts = PartsOf(type, activations);
    work.task_rows = AmxTaskRows(product.weights.rows, count, threads);
  } else {
    work.path = Path::kFloats;
    work.task_rows = kTileRows;
  }
  return work;
}

// Gets the activations into the form of the work's path.
void Prepare(ActivationType activations, int threads, Activations* x, DotInputs* inputs,
             Work* work) {
  switch (work->path) {
    case Path::kDot:
      work->inputs =
          inputs->Get(*x, work->kernel->order, activations == ActivationType::kF32 ? 2 : 1);
      return;
    case Path::kQ8:
      work->q8_inputs = inputs->GetQ8(*x);
      return;
    case Path::kFew:
      return;
    case Path::kFloats:
      return x->PackFloats(threads);
    case Path::kAmx:
      return x->PackAmx(work->parts.activations, threads);
  }
}

void RunTask(const Work& work, const Activations& x, const MatrixProduct& product, size_t first,
             size_t last) {
  switch (work.path) {
    case Path::kDot:
      return MultiplyDots(*work.kernel, work.inputs, x.count(), product, first, last);
    case Path::kQ8:
      return MultiplyQ8(work.q8_inputs, x.count(), product, first, last);
    case Path::kFew:
      return MultiplyFew(x, product, first, last);
    case Path::kFloats:
      return MultiplyMany(x, product, first, last);
    case Path::kAmx:
      return MultiplyAmx(x, product, work.parts, first, last);
  }
}

}  // namespace

void Activations::Assign(const float* values, size_t count, size_t columns) {
  values_ = values;
  count_ = count;
  columns_ = columns;
  float_panels_ = nullptr;
  amx_panels_ = nullptr;
}

void Activations::PackFloats(int threads) {
  if (float_panels_ != nullptr) return;
  const size_t num_panels = Tiles(count_, kGemmLanes);
  const size_t pieces = Tiles(columns_, kTileColumns);
  float* packed = floats_.Get(num_panels * kGemmLanes * columns_);
  (void)ParallelFor(num_panels * pieces, threads, [&](uint64_t task, int) {
    const size_t p = task / pieces;
    const size_t column = task % pieces * kTileColumns;
    PackPanel(values_ + p * kGemmLanes * columns_ + column, columns_,
              std::min(kGemmLanes, count_ - p * kGemmLanes),
              std::min(kTileColumns, columns_ - column),
              packed + (p * columns_ + column) * kGemmLanes);
    return absl::OkStatus();
  });
  float_panels_ = packed;
}

void Activations::PackAmx(int parts, int threads) {
  if (amx_panels_ != nullptr && amx_parts_ == parts) return;
  amx_parts_ = parts;
  const size_t num_panels = Tiles(count_, kAmxTokens);
  const size_t piece = AmxPiece(parts);
  const size_t pieces = Tiles(columns_, piece);
  const size_t panel_values = AmxValues(piece, parts);
  auto* packed = reinterpret_cast<uint16_t*>(
      amx_.Get(pieces * num_panels * panel_values * sizeof(uint16_t) / sizeof(float)));
  (void)ParallelFor(num_panels * pieces, threads, [&](uint64_t task, int) {
    const size_t p = task % num_panels;
    const size_t column = task / num_panels * piece;
    AmxPackActivations(values_ + p * kAmxTokens * columns_ + column, columns_,
                       std::min(kAmxTokens, count_ - p * kAmxTokens),
                       std::min(piece, columns_ - column), parts, packed + task * panel_values);
    return absl::OkStatus();
  });
  amx_panels_ = packed;
}

const float* Activations::float_panel(size_t p) const {
  return float_panels_ + p * kGemmLanes * columns_;
}

const uint16_t* Activations::amx_panel(size_t piece, size_t p) const {
  return amx_panels_ +
         (piece * Tiles(count_, kAmxTokens) + p) * AmxValues(AmxPiece(amx_parts_), amx_parts_);
}

void Multiply(Activations* x, absl::Span<const MatrixProduct> products, int threads,
              ActivationType type) {
  thread_local DotInputs dot_inputs;
  dot_inputs.Clear();
  absl::InlinedVector<Work, 4> works;
  size_t num_tasks = 0;
  for (const MatrixProduct& product : products) {
    Work& work = works.emplace_back(ChoosePath(product, x->count(), type, threads));
    num_tasks += Tiles(product.weights.rows, work.task_rows);
    work.end = num_tasks;
    Prepare(type, threads, x, &dot_inputs, &work);
  }
  (void)ParallelFor(num_tasks, threads, [&](uint64_t task, int) {
    size_t p = 0;
    while (task >= works[p].end) ++p;
    const size_t task_rows = works[p].task_rows;
    const size_t first = (task - (p == 0 ? 0 : works[p - 1].end)) * task_rows;
    RunTask(works[p], *x, products[p], first,
            std::min(first + task_rows, products[p].weights.rows));
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
