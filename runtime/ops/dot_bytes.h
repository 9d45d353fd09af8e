// Products of rows with activations in 8 bits (dot_q8.h) by kernels of their type: codes go from
// the block to the instruction that multiplies bytes without a stop in memory.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_BYTES_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_BYTES_H_

#include <cstddef>
#include <cstdint>

#include "gguf/tensor_type.h"
#include "runtime/ops/dot_q8.h"

namespace gguf {

// The product of one row (`columns` values in whole blocks at `row`) with x.
using BytesDot = float (*)(const uint8_t* row, size_t columns, const Q8Activations& x);

// Null when the type has no such kernel or the machine no such instruction (AVX-512 VNNI).
BytesDot FindBytesDot(TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_BYTES_H_
