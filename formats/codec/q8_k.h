// Q8_K: 256 values, one binary32 scale, 8-bit codes; for activations, never weights. 292 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_

#include <cstdint>

#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ8_K {
  static constexpr int kValues = 256;

  float d;
  int8_t qs[256];
  int16_t bsums[16];  // of qs[16b]..qs[16b + 15]
};
#pragma pack(pop)
static_assert(sizeof(BlockQ8_K) == 292, "BlockQ8_K is packed");

// x = d * code, rounded
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockQ8_K& block, float* out) {
  const float d = block.d;
  for (int j = 0; j < 256; ++j) out[j] = d * static_cast<float>(block.qs[j]);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_
