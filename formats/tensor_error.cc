#include "formats/tensor_error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "formats/codec/codec.h"
#include "formats/row_ranges.h"
#include "gguf/base/float16.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// One side of a comparison: reads and decodes row ranges into its own buffers.
class Side {
 public:
  Side(const TensorSource& source, size_t index) : source_(source), index_(index) {}

  absl::Status Read(const RowRange& range) {
    const SourceTensor& tensor = source_.tensors()[index_];
    GGUF_ASSIGN_OR_RETURN(const uint64_t row_bytes, RowBytes(tensor.type, tensor.shape.columns()));
    raw_.resize(range.num_rows * row_bytes);
    values_.resize(range.num_rows * tensor.shape.columns());
    GGUF_RETURN_IF_ERROR(
        source_.ReadRows(index_, range.first_row, range.num_rows, absl::MakeSpan(raw_)));
    CodecOf(tensor.type).decode(raw_.data(), values_.size(), values_.data());
    return absl::OkStatus();
  }
  const std::vector<float>& values() const { return values_; }

 private:
  const TensorSource& source_;
  const size_t index_;
  std::vector<uint8_t> raw_;
  std::vector<float> values_;
};

TensorError CompareStretch(absl::Span<const float> x, absl::Span<const float> y) {
  TensorError error;
  error.num_values = x.size();
  for (size_t i = 0; i < x.size(); ++i) {
    const double difference = static_cast<double>(x[i]) - y[i];
    error.sum_squares += static_cast<double>(x[i]) * x[i];
    if (!std::isnan(difference)) {
      error.sum_squared_error += difference * difference;
      error.max_abs_error = std::max(error.max_abs_error, std::fabs(difference));
    } else if (BitsOf(x[i]) != BitsOf(y[i])) {  // NaN against a number, or infinities of both signs
      error.max_abs_error = std::numeric_limits<double>::infinity();
    }
  }
  const double least = error.num_values * kLeastRms * kLeastRms;
  error.worst_stretch = std::sqrt(error.sum_squared_error / std::max(error.sum_squares, least));
  return error;
}

TensorError Compare(absl::Span<const float> x, absl::Span<const float> y, uint64_t first_row,
                    uint64_t columns) {
  TensorError error;
  for (size_t start = 0; start < x.size(); start += columns) {
    for (size_t column = 0; column < columns; column += kStretchValues) {
      const size_t count = std::min<size_t>(kStretchValues, columns - column);
      TensorError stretch =
          CompareStretch(x.subspan(start + column, count), y.subspan(start + column, count));
      stretch.worst_row = first_row + start / columns;
      stretch.worst_column = column;
      error.Add(stretch);
    }
  }
  return error;
}

}  // namespace

double TensorError::rmse() const {
  return num_values == 0 ? 0 : std::sqrt(sum_squared_error / num_values);
}

double TensorError::relative_rmse() const {
  if (sum_squared_error == 0) return 0;
  return std::sqrt(sum_squared_error / sum_squares);
}

void TensorError::Add(const TensorError& other) {
  num_values += other.num_values;
  sum_squared_error += other.sum_squared_error;
  sum_squares += other.sum_squares;
  max_abs_error = std::max(max_abs_error, other.max_abs_error);
  if (other.worst_stretch <= worst_stretch) return;
  worst_stretch = other.worst_stretch;
  worst_row = other.worst_row;
  worst_column = other.worst_column;
}

bool AreComparable(const Shape& x, const Shape& y) {
  const size_t rank = x.significant_rank();
  if (rank != y.significant_rank() || x.columns() != y.columns()) return false;
  if (rank == 1) return true;  // one row; a single value may have no dimension at all
  return std::equal(x.dims().end() - rank, x.dims().end(), y.dims().end() - rank);
}

absl::StatusOr<TensorError> CompareTensors(const TensorSource& x_source, size_t x_index,
                                           const TensorSource& y_source, size_t y_index,
                                           int threads) {
  const SourceTensor& x = x_source.tensors()[x_index];
  const SourceTensor& y = y_source.tensors()[y_index];
  if (!AreComparable(x.shape, y.shape)) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", x.name, "' has shape ", x.shape.ToString(), " in ",
                     x_source.name(), " and ", y.shape.ToString(), " in ", y_source.name()));
  }
  std::vector<RowRange> ranges;
  AppendRowRanges(x_index, x.shape, &ranges);
  std::vector<TensorError> parts(ranges.size());
  std::vector<Side> xs(std::max(1, threads), Side(x_source, x_index));
  std::vector<Side> ys(std::max(1, threads), Side(y_source, y_index));
  GGUF_RETURN_IF_ERROR(
      ParallelFor(ranges.size(), threads, [&](uint64_t i, int thread) -> absl::Status {
        GGUF_RETURN_IF_ERROR(xs[thread].Read(ranges[i]));
        GGUF_RETURN_IF_ERROR(ys[thread].Read(ranges[i]));
        parts[i] = Compare(xs[thread].values(), ys[thread].values(), ranges[i].first_row,
                           x.shape.columns());
        return absl::OkStatus();
      }));
  TensorError total;
  for (const TensorError& part : parts) total.Add(part);
  return total;
}

}  // namespace gguf
