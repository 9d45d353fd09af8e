// Q8_K: 256 values, one binary32 scale, 8-bit codes; for activations, never weights. 292 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
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
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ8_K& block, int run, float* out) {
  const float d = block.d;
  uint8_t qs[8];
  LoadBytes<BlockQ8_K, offsetof(BlockQ8_K, qs), 8>(block, run, qs);
  for (int j = 0; j < 8; ++j) out[j] = d * static_cast<float>(static_cast<int8_t>(qs[j]));
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q8_K_H_
