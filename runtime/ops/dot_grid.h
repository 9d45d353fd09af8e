// Kernels of dot.h for the types whose values are runs of a grid with signs. Their activations are
// in DotOrder::kEvenOdd.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_

#include <cstddef>
#include <cstdint>

#include "runtime/ops/dot.h"

namespace gguf {

// As DotKernel::dot, where FindDotKernel finds any.
void DotIQ2_XXS(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
                const DotActivations& x, float* out);
void DotIQ2_XS(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
               const DotActivations& x, float* out);
void DotIQ2_S(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
              const DotActivations& x, float* out);
void DotIQ3_XXS(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
                const DotActivations& x, float* out);
void DotIQ3_S(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
              const DotActivations& x, float* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_
