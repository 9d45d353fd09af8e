// The shape of a tensor, outermost dimension first: [rows, columns]. GGUF stores the reverse; only
// the reader and the layout turn it around.

#ifndef GGUF_TOOLCHAIN_GGUF_SHAPE_H_
#define GGUF_TOOLCHAIN_GGUF_SHAPE_H_

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gguf {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<uint64_t> dims) : dims_(dims) {}
  template <typename Iterator>
  Shape(Iterator begin, Iterator end) : dims_(begin, end) {}

  // Outermost first; empty for a single value.
  const absl::InlinedVector<uint64_t, 4>& dims() const { return dims_; }
  size_t rank() const { return dims_.size(); }

  // Rank without outer dimensions of size 1: [1, 1, 64] counts as 1. At least 1 ([1] and []).
  size_t significant_rank() const {
    size_t skipped = 0;
    while (skipped + 1 < dims_.size() && dims_[skipped] == 1) ++skipped;
    return dims_.empty() ? 1 : dims_.size() - skipped;
  }

  // Without outer dimensions of size 1, that is, of significant_rank(); [] stays [].
  Shape Significant() const {
    return dims_.empty() ? Shape() : Shape(dims_.end() - significant_rank(), dims_.end());
  }

  // Innermost dimension, contiguous in memory: the length of a row.
  uint64_t columns() const { return dims_.empty() ? 1 : dims_.back(); }

  // Product of all dimensions but the innermost. Readers have checked that it fits.
  uint64_t rows() const {
    uint64_t rows = 1;
    for (size_t i = 0; i + 1 < dims_.size(); ++i) rows *= dims_[i];
    return rows;
  }

  // Matrices stacked in a tensor (experts): product of all but the two innermost dimensions.
  uint64_t matrices() const {
    uint64_t matrices = 1;
    for (size_t i = 0; i + 2 < dims_.size(); ++i) matrices *= dims_[i];
    return matrices;
  }

  uint64_t num_values() const { return rows() * columns(); }

  // "[4096, 11008]".
  std::string ToString() const { return absl::StrCat("[", absl::StrJoin(dims_, ", "), "]"); }

  friend bool operator==(const Shape& a, const Shape& b) { return a.dims_ == b.dims_; }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }

 private:
  absl::InlinedVector<uint64_t, 4> dims_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_SHAPE_H_
