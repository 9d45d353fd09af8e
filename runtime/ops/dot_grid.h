// Kernels of dot.h for the types whose values are runs of a grid with signs. Their activations are
// in DotOrder::kEvenOdd.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_

#include <cstddef>
#include <cstdint>

#include "runtime/ops/dot.h"

namespace gguf {

// As DotKernel::dot, where FindDotKernel finds any.
float DotIQ2_XXS(const uint8_t* row, size_t columns, const DotActivations& x);
float DotIQ2_XS(const uint8_t* row, size_t columns, const DotActivations& x);
float DotIQ2_S(const uint8_t* row, size_t columns, const DotActivations& x);
float DotIQ3_XXS(const uint8_t* row, size_t columns, const DotActivations& x);
float DotIQ3_S(const uint8_t* row, size_t columns, const DotActivations& x);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_GRID_H_
