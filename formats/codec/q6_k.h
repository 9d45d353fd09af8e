// Q6_K: 256 values in 16 sub-blocks with 8-bit scales, 6-bit codes around 32. 210 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q6_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q6_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ6_K {
  static constexpr int kValues = 256;

  uint8_t ql[128];  // low nibbles of values 128h + 32c + l: byte 64h + 32(c % 2) + l, nibble c / 2
  uint8_t qh[64];   // bits 2c, 2c + 1 of byte 32h + l: high bits of value 128h + 32c + l
  int8_t scales[16];  // of values 16b..16b + 15
  uint16_t d;         // binary16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ6_K) == 210, "BlockQ6_K is packed");

// x = d * scale * (code - 32)
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ6_K& block, int run, float* out) {
  const int half = run / 16;
  const int c = run / 4 % 4;
  const float scale = F16ToF32(block.d) * static_cast<float>(block.scales[run / 2]);
  uint8_t ql[8], qh[8];
  LoadBytes<BlockQ6_K, offsetof(BlockQ6_K, ql), 8>(block, 8 * half + 4 * (c % 2) + run % 4, ql);
  LoadBytes<BlockQ6_K, offsetof(BlockQ6_K, qh), 8>(block, 4 * half + run % 4, qh);
  for (int j = 0; j < 8; ++j) {
    const int code = ((ql[j] >> (c / 2 * 4)) & 15) | ((qh[j] >> (2 * c)) & 3) << 4;
    out[j] = scale * static_cast<float>(code - 32);
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q6_K_H_
