// IQ1_S: 256 values in 8 groups with 3-bit scales and a shift; runs of 8 from a ternary grid. 50
// bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_S_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_S_H_

#include <cstdint>

#include "formats/codec/codebooks/iq1s.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ1_S {
  static constexpr int kValues = 256;

  uint16_t d;      // binary16
  uint8_t qs[32];  // low bits of the grid index of run 4g + l: values 32g + 8l..32g + 8l + 7
  uint16_t qh[8];  // group g: bits 3l..3l + 2 high bits of run l's index; bits 12..14 scale; bit 15
                   // shift is negative
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ1_S) == 50, "BlockIQ1_S is packed");

// x = d * (2 * scale + 1) * (grid value +- 1/8)
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ1_S& block, int run, float* out) {
  const int word = block.qh[run / 4];
  const float scale = F16ToF32(block.d) * static_cast<float>(2 * ((word >> 12) & 7) + 1);
  const float delta = word & 0x8000 ? -0.125f : 0.125f;
  const int8_t* grid = Iq1s(block.qs[run] | ((word >> (3 * (run % 4))) & 7) << 8);
  for (int j = 0; j < 8; ++j) out[j] = scale * (static_cast<float>(grid[j]) + delta);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ1_S_H_
