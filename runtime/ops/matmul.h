// Products of weights of any tensor type with activations in float: y = x W^T + bias.
//
// Few activations (a token being generated): rows of W are decoded piece by piece and multiplied at
// once. Many (a prompt): tiles of W are decoded to float and multiplied by panels of activations.
// Parallel over rows of W; no sum crosses threads, so results do not depend on their number.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/ops/scratch.h"

namespace gguf {

// A matrix of weights [rows, columns] in memory, any alignment. Whole blocks divide the columns.
struct WeightMatrix {
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

// Activations [count, columns], row-major, in the form in which products read them. Several
// products may share one.
class Activations {
 public:
  // `values` must outlive the use.
  void Assign(const float* values, size_t count, size_t columns, int threads);

  const float* values() const { return values_; }
  size_t count() const { return count_; }
  size_t columns() const { return columns_; }
  bool is_packed() const { return panels_ != nullptr; }
  // Panel p: activations [32 p, 32 p + 32) as PackPanel makes it.
  const float* panel(size_t p) const;

 private:
  const float* values_ = nullptr;
  size_t count_ = 0;
  size_t columns_ = 0;
  Scratch packed_;
  const float* panels_ = nullptr;
};

// out[i * out_stride + r] = bias[r] + sum over k of x[i][k] * weights[r][k].
struct MatrixProduct {
  WeightMatrix weights;
  const float* bias = nullptr;  // `rows` values, or null
  float* out = nullptr;
  size_t out_stride = 0;
};

// All products of the same activations at once. weights.columns == x.columns().
void Multiply(const Activations& x, absl::Span<const MatrixProduct> products, int threads);

// As above by DecodeBlock and plain loops, for tests.
void MultiplyReference(const float* x, size_t count, const MatrixProduct& product);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_
