// Sums of squared activations while a model runs, before they become importance data.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_SUMS_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_SUMS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "importance/data.h"

namespace gguf {

// Per weight tensor and input column the sum of x^2 over the rows seen, in double precision: long
// texts lose nothing to rounding. Not thread-safe.
class ImportanceSums {
 public:
  // Adds the rows x [rows, columns] that meet matrix `matrix` of `matrices` of a tensor. A tensor's
  // `matrices` and `columns` are always the same.
  void AddRows(absl::string_view tensor, size_t matrices, size_t matrix, const float* x,
               size_t rows, size_t columns);

  // Adds what `other` has summed. InvalidArgument names tensor and column of a sum that is no
  // finite float32: the model's weights or activations overflow. Nothing is added then.
  absl::Status Add(const ImportanceSums& other);

  // Forgets all numbers; memory is kept for the next ones.
  void Clear();

  bool empty() const { return entries_.empty(); }

  // As float32. Tensors without any row are left out. Datasets, chunks and path are the caller's.
  ImportanceData ToData() const;

 private:
  struct Entry {
    std::vector<double> sums;  // [matrices, columns]
    std::vector<int64_t> counts;
  };

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_SUMS_H_
