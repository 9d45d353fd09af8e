#include "runtime/ops/norm.h"

#include <cmath>

#include "runtime/ops/gemm.h"

namespace gguf {

void RmsNorm(const float* x, const float* weight, size_t n, float epsilon, float* out) {
  const float mean = DotProduct(x, x, n) / static_cast<float>(n);
  const float scale = 1.0f / std::sqrt(mean + epsilon);
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void LayerNorm(const float* x, const float* weight, const float* bias, size_t n, float epsilon,
               float* out) {
  double sum = 0.0;
  for (size_t i = 0; i < n; ++i) sum += x[i];
  const float mean = static_cast<float>(sum / static_cast<double>(n));
  double squares = 0.0;
  for (size_t i = 0; i < n; ++i) squares += double{x[i] - mean} * (x[i] - mean);
  const float variance = static_cast<float>(squares / static_cast<double>(n));
  const float scale = 1.0f / std::sqrt(variance + epsilon);
  for (size_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

}  // namespace gguf
