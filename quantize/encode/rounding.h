// Rounding as the quantized formats define it, for the scalar references.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ROUNDING_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ROUNDING_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

// v rounded to the nearest integer, ties to even, for |v| <= 4194303. Beyond that, and for NaN,
// some value in [-4194304, 4194303] that is part of the format's definition all the same.
inline int32_t RoundByBits(float v) {
  return static_cast<int32_t>(BitsOf(v + 12582912.0f) & 0x007FFFFFu) - 0x00400000;
}

// RoundByBits(v) limited to 0 .. max_code.
inline int32_t RoundToCode(float v, int32_t max_code) {
  const int32_t code = RoundByBits(v);
  return code < 0 ? 0 : (code > max_code ? max_code : code);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ROUNDING_H_
