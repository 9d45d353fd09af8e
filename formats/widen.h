// Elements of every safetensors type as float.

#ifndef GGUF_TOOLCHAIN_FORMATS_WIDEN_H_
#define GGUF_TOOLCHAIN_FORMATS_WIDEN_H_

#include <cstddef>
#include <cstdint>

#include "formats/safetensors.h"

namespace gguf {

// Converts `num_values` little-endian elements of type `type` at `in` (any alignment) to `out` (any
// alignment, as bytes: it is usually part of a row buffer), 4 bytes each. Exact for F32, F16, BF16,
// the 8-bit floats and integers up to 16 bits; F64 and wider integers round to nearest even.
// F8_E4M3 has no infinities (0x7F and 0xFF are NaN); F8_E5M2 is the upper half of an F16
// (spec: OCP 8-bit floating point, 2023). BOOL is 0 or 1: any byte but 0 counts as 1.
void WidenToF32(ElementType type, const uint8_t* in, size_t num_values, uint8_t* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_WIDEN_H_
