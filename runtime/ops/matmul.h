// Products of weights of any tensor type with activations in float: y = x W^T + bias.
//
// Few activations (a token being generated): rows of W meet them in a kernel of their type (dot.h;
// dot_q8.h with activations in 8 bits), or decoded piece by piece. Many (a prompt): tiles of W are
// decoded and multiplied by panels of activations, in float (gemm.h), or in parts of bfloat16 where
// the machine has a matrix unit (amx.h). Parallel over rows of W; no sum crosses threads, so
// results do not depend on their number.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/ops/activation_type.h"
#include "runtime/ops/scratch.h"

namespace gguf {

// A matrix of weights [rows, columns] in memory, any alignment. Whole blocks divide the columns.
struct WeightMatrix {
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

// Most bytes per activation that a packed form of them takes.
inline constexpr size_t kPackedBytes = 6;

// Activations [count, columns], row-major, and the forms in which products read them. Several
// products may share one; a form is made when the first of them asks for it.
class Activations {
 public:
  // `values` must outlive the use.
  void Assign(const float* values, size_t count, size_t columns);

  const float* values() const { return values_; }
  size_t count() const { return count_; }
  size_t columns() const { return columns_; }

  // Makes the panels of gemm.h, or of amx.h in `parts` parts, unless that is done.
  void PackFloats(int threads);
  void PackAmx(int parts, int threads);

  // After PackFloats: panel p, of activations [32 p, 32 p + 32), as PackPanel makes it.
  const float* float_panel(size_t p) const;
  // After PackAmx: piece `piece` of the columns (512 in one part, 256 in three) of panel p, as
  // AmxPackActivations makes it.
  const uint16_t* amx_panel(size_t piece, size_t p) const;

 private:
  const float* values_ = nullptr;
  size_t count_ = 0;
  size_t columns_ = 0;
  Scratch floats_, amx_;
  const float* float_panels_ = nullptr;
  const uint16_t* amx_panels_ = nullptr;
  int amx_parts_ = 0;
};

// out[i * out_stride + r] = bias[r] + sum over k of x[i][k] * weights[r][k].
struct MatrixProduct {
  WeightMatrix weights;
  const float* bias = nullptr;  // `rows` values, or null
  float* out = nullptr;
  size_t out_stride = 0;
};

// All products of the same activations at once. weights.columns == x->columns(). Errors relative to
// the sum of the terms' magnitudes: at most 1e-6 with kF32, typically 1e-7, which is what sums of
// floats in another order differ by; some 1e-3 with the others.
void Multiply(Activations* x, absl::Span<const MatrixProduct> products, int threads,
              ActivationType type = ActivationType::kF32);

// As above by DecodeBlock and plain loops, for tests.
void MultiplyReference(const float* x, size_t count, const MatrixProduct& product);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_MATMUL_H_
