// Normalisation of rows, in float.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_NORM_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_NORM_H_

#include <cstddef>

namespace gguf {

// out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i]. out may be x.
void RmsNorm(const float* x, const float* weight, size_t n, float epsilon, float* out);

// out[i] = (x[i] - mean(x)) / sqrt(variance(x) + epsilon) * weight[i] + bias[i]. out may be x.
void LayerNorm(const float* x, const float* weight, const float* bias, size_t n, float epsilon,
               float* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_NORM_H_
