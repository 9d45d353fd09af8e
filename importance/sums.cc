#include "importance/sums.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gguf {
namespace {

void AddSquares(const float* x, size_t columns, double* sums) {
  constexpr size_t kLanes = 16;  // a known number of steps, which compilers turn into SIMD
  size_t c = 0;
  for (; c + kLanes <= columns; c += kLanes) {
    for (size_t i = 0; i < kLanes; ++i) sums[c + i] += double{x[c + i]} * x[c + i];
  }
  for (; c < columns; ++c) sums[c] += double{x[c]} * x[c];
}

bool HasRows(const std::vector<int64_t>& counts) {
  return std::any_of(counts.begin(), counts.end(), [](int64_t count) { return count != 0; });
}

}  // namespace

void ImportanceSums::AddRows(absl::string_view tensor, size_t matrices, size_t matrix,
                             const float* x, size_t rows, size_t columns) {
  auto it = entries_.find(std::string_view(tensor.data(), tensor.size()));
  if (it == entries_.end()) it = entries_.emplace(std::string(tensor), Entry()).first;
  Entry& entry = it->second;
  entry.sums.resize(matrices * columns);
  entry.counts.resize(matrices);
  double* sums = entry.sums.data() + matrix * columns;
  for (size_t row = 0; row < rows; ++row) AddSquares(x + row * columns, columns, sums);
  entry.counts[matrix] += static_cast<int64_t>(rows);
}

absl::Status ImportanceSums::Add(const ImportanceSums& other) {
  for (const auto& [name, more] : other.entries_) {
    const auto known = entries_.find(name);
    const size_t columns = more.sums.size() / more.counts.size();
    for (size_t i = 0; i < more.sums.size(); ++i) {
      const double sum = more.sums[i] + (known == entries_.end() ? 0.0 : known->second.sums[i]);
      if (std::isfinite(static_cast<float>(sum))) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor '", absl::CHexEscape(name), "': the sum of squared activations of column ",
          i % columns, columns == more.sums.size() ? "" : absl::StrCat(" of expert ", i / columns),
          " is ", sum,
          ", expected a finite number; the model is damaged or its activations "
          "overflow, so check it with `gguf verify`"));
    }
  }
  for (const auto& [name, more] : other.entries_) {
    Entry& entry = entries_[name];
    entry.sums.resize(more.sums.size());
    entry.counts.resize(more.counts.size());
    for (size_t i = 0; i < more.sums.size(); ++i) entry.sums[i] += more.sums[i];
    for (size_t i = 0; i < more.counts.size(); ++i) entry.counts[i] += more.counts[i];
  }
  return absl::OkStatus();
}

void ImportanceSums::Clear() {
  for (auto& [name, entry] : entries_) {
    std::fill(entry.sums.begin(), entry.sums.end(), 0.0);
    std::fill(entry.counts.begin(), entry.counts.end(), 0);
  }
}

ImportanceData ImportanceSums::ToData() const {
  ImportanceData data;
  for (const auto& [name, entry] : entries_) {
    if (!HasRows(entry.counts)) continue;
    data.entries[name] = {{entry.sums.begin(), entry.sums.end()}, entry.counts};
  }
  return data;
}

}  // namespace gguf
