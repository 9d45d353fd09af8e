#include "formats/diff.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/row_ranges.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

using Index = absl::flat_hash_map<absl::string_view, size_t>;

Index IndexByName(const TensorSource& source) {
  Index index;
  for (size_t i = 0; i < source.tensors().size(); ++i) index[source.tensors()[i].name] = i;
  return index;
}

std::vector<KeyDifference> DiffMetadata(const Metadata& a, const Metadata& b) {
  std::vector<KeyDifference> differences;
  const auto is_split_key = [](absl::string_view key) { return absl::StartsWith(key, "split."); };
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.Find(key);
    if (is_split_key(key) || (other != nullptr && *other == value)) continue;
    differences.push_back({key, &value, other});
  }
  for (const auto& [key, value] : b.entries()) {
    if (!is_split_key(key) && !a.Has(key)) differences.push_back({key, nullptr, &value});
  }
  return differences;
}

// Whether two tensors of one shape and type hold the same bytes.
absl::StatusOr<bool> HaveSameBytes(const TensorSource& a, size_t a_index, const TensorSource& b,
                                   size_t b_index, int threads) {
  const SourceTensor& tensor = a.tensors()[a_index];
  GGUF_ASSIGN_OR_RETURN(const uint64_t row_bytes, RowBytes(tensor.type, tensor.shape.columns()));
  std::vector<RowRange> ranges;
  AppendRowRanges(a_index, tensor.shape, &ranges);
  std::vector<std::vector<uint8_t>> buffers(2 * std::max(1, threads));
  std::atomic<bool> is_same{true};
  GGUF_RETURN_IF_ERROR(
      ParallelFor(ranges.size(), std::max(1, threads), [&](uint64_t i, int thread) -> absl::Status {
        if (!is_same.load(std::memory_order_relaxed)) return absl::OkStatus();
        std::vector<uint8_t>& x = buffers[2 * thread];
        std::vector<uint8_t>& y = buffers[2 * thread + 1];
        x.resize(ranges[i].num_rows * row_bytes);
        y.resize(x.size());
        const RowRange& range = ranges[i];
        GGUF_RETURN_IF_ERROR(
            a.ReadRows(a_index, range.first_row, range.num_rows, absl::MakeSpan(x)));
        GGUF_RETURN_IF_ERROR(
            b.ReadRows(b_index, range.first_row, range.num_rows, absl::MakeSpan(y)));
        if (x != y) is_same.store(false, std::memory_order_relaxed);
        return absl::OkStatus();
      }));
  return is_same.load();
}

// Adds the difference of a tensor that both have, if there is one.
absl::Status DiffTensor(const TensorSource& a, size_t a_index, const TensorSource& b,
                        size_t b_index, int threads, ModelDifference* difference) {
  const SourceTensor& x = a.tensors()[a_index];
  const SourceTensor& y = b.tensors()[b_index];
  if (!AreComparable(x.shape, y.shape)) {
    difference->tensors.push_back({x.name, TensorDifferenceKind::kShape,
                                   absl::StrCat(x.shape.ToString(), " and ", y.shape.ToString()),
                                   TensorError()});
    return absl::OkStatus();
  }
  const bool has_same_type = x.type == y.type;
  bool is_same = false;
  if (has_same_type) {
    GGUF_ASSIGN_OR_RETURN(is_same, HaveSameBytes(a, a_index, b, b_index, threads));
  }
  if (is_same) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const TensorError error, CompareTensors(a, a_index, b, b_index, threads));
  difference->error.Add(error);
  difference->tensors.push_back(
      {x.name, has_same_type ? TensorDifferenceKind::kValues : TensorDifferenceKind::kType,
       has_same_type ? "" : absl::StrCat(NameOf(x.type), " and ", NameOf(y.type)), error});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelDifference> DiffModels(const TensorSource& a, const TensorSource& b,
                                           const DiffOptions& options) {
  ModelDifference difference;
  difference.metadata = DiffMetadata(a.metadata(), b.metadata());
  const Index in_a = IndexByName(a), in_b = IndexByName(b);
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    const SourceTensor& tensor = a.tensors()[i];
    const auto other = in_b.find(tensor.name);
    if (other == in_b.end()) {
      difference.tensors.push_back({tensor.name, TensorDifferenceKind::kOnlyInA, "", {}});
    } else {
      GGUF_RETURN_IF_ERROR(DiffTensor(a, i, b, other->second, options.threads, &difference));
    }
    if (options.progress) {
      options.progress(TensorBytes(tensor.type, tensor.shape).value_or(0), tensor.name);
    }
  }
  for (const SourceTensor& tensor : b.tensors()) {
    if (in_a.contains(tensor.name)) continue;
    difference.tensors.push_back({tensor.name, TensorDifferenceKind::kOnlyInB, "", {}});
  }
  return difference;
}

}  // namespace gguf
