// Big-endian GGUF data made little-endian.

#ifndef GGUF_TOOLCHAIN_GGUF_BYTE_ORDER_H_
#define GGUF_TOOLCHAIN_GGUF_BYTE_ORDER_H_

#include <cstdint>

#include "absl/types/span.h"
#include "gguf/tensor_type.h"

namespace gguf {

// Reverses, in place, the bytes of every multi-byte word in whole blocks of `type`: scales and
// minima, index words and plain numbers; never codes of less than two bytes. `blocks` is a multiple
// of the type's block bytes. Its own inverse.
//
// Words are those of the block layouts in gguf/byte_order.cc; for Q5_0, Q5_1, IQ2_XXS and IQ3_XXS
// no program is known that writes them big-endian.
void SwapBlockBytes(TensorType type, absl::Span<uint8_t> blocks);

// Reverses each of the `word_bytes` wide (1, 2, 4 or 8) words of `bytes`.
void SwapWords(size_t word_bytes, absl::Span<uint8_t> bytes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_BYTE_ORDER_H_
