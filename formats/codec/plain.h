// The plain floats and integers as blocks of one value, so that they decode like any other type.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_PLAIN_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_PLAIN_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
template <class T>
struct BlockPlain {
  static constexpr int kValues = 1;

  T value;
};

struct BlockF16 {
  static constexpr int kValues = 1;

  uint16_t value;  // binary16
};

struct BlockBF16 {
  static constexpr int kValues = 1;

  uint16_t value;  // bfloat16
};
#pragma pack(pop)

using BlockF32 = BlockPlain<float>;
using BlockF64 = BlockPlain<double>;
using BlockI8 = BlockPlain<int8_t>;
using BlockI16 = BlockPlain<int16_t>;
using BlockI32 = BlockPlain<int32_t>;
using BlockI64 = BlockPlain<int64_t>;
static_assert(sizeof(BlockI64) == 8 && alignof(BlockI64) == 1, "BlockPlain is packed");

// The nearest float, ties to even. Infinite for doubles beyond the range of float.
template <class T>
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockPlain<T>& block, float* out) {
  *out = static_cast<float>(block.value);
}

GGUF_HOST_DEVICE inline void DecodeBlock(const BlockF16& block, float* out) {
  *out = F16ToF32(block.value);
}

GGUF_HOST_DEVICE inline void DecodeBlock(const BlockBF16& block, float* out) {
  *out = BF16ToF32(block.value);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_PLAIN_H_
