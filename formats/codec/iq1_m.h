// IQ1_M: 256 values in 16 sub-blocks with 3-bit scales; runs of 8 from a ternary grid, each with a
// shift. 56 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_M_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_M_H_

#include <cstdint>

#include "formats/codec/codebooks/iq1s.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ1_M {
  static constexpr int kValues = 256;

  uint8_t qs[32];  // low bits of the grid index of run k: values 8k..8k + 7
  uint8_t qh[16];  // nibble k % 2 of byte k / 2: bits 0..2 high bits of the index; bit 3 shift is
                   // negative
  uint16_t scales[4];  // bits 3(p % 4).. of word p / 4: scale of values 16p..16p + 15; bits 12..15:
                       // a nibble of the binary16 scale of the block, lowest first
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ1_M) == 56, "BlockIQ1_M is packed");

// The binary16 scale of the block.
GGUF_HOST_DEVICE inline uint16_t IQ1_MScale(const BlockIQ1_M& block) {
  return static_cast<uint16_t>((block.scales[0] >> 12) | (block.scales[1] >> 8 & 0x00F0) |
                               (block.scales[2] >> 4 & 0x0F00) | (block.scales[3] & 0xF000));
}

// x = d * (2 * scale + 1) * (grid value +- 1/8)
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ1_M& block, int run, float* out) {
  const int p = run / 2;
  const int nibble = (block.qh[p] >> (run % 2 * 4)) & 15;
  const int code = (block.scales[p / 4] >> (p % 4 * 3)) & 7;
  const float scale = F16ToF32(IQ1_MScale(block)) * static_cast<float>(2 * code + 1);
  const float delta = nibble & 8 ? -0.125f : 0.125f;
  const int8_t* grid = Iq1s(block.qs[run] | (nibble & 7) << 8);
  for (int j = 0; j < 8; ++j) out[j] = scale * (static_cast<float>(grid[j]) + delta);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_M_H_
