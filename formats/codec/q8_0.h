// Q8_0: 32 values, one scale, 8-bit codes. 34 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ8_0 {
  static constexpr int kValues = 32;

  uint16_t d;  // binary16
  int8_t qs[32];
};
#pragma pack(pop)
static_assert(sizeof(BlockQ8_0) == 34, "BlockQ8_0 is packed");

// x = code * d
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ8_0& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(block.qs[j]) * d;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_0_H_
