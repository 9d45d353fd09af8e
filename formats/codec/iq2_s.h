// IQ2_S: 256 values in 16 sub-blocks with 4-bit scales; runs of 8 from a grid, all signs stored. 82
// bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_S_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_S_H_

#include <cstdint>

#include "formats/codec/codebooks/iq2s.h"
#include "formats/codec/runs.h"
#include "formats/codec/signed_grid.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ2_S {
  static constexpr int kValues = 256;

  uint16_t d;         // binary16
  uint8_t qs[32];     // low bits of the grid index of values 8k..8k + 7
  uint8_t signs[32];  // bit j of byte k: value 8k + j is negated
  uint8_t qh[8];      // bits 2(k % 4), 2(k % 4) + 1 of byte k / 4: high bits of grid index k
  uint8_t scales[8];  // nibble b % 2 of byte b / 2: values 16b..16b + 15
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ2_S) == 82, "BlockIQ2_S is packed");

// x = d * (0.5 + scale) / 4 * grid value, negated where its sign bit is set
GGUF_HOST_DEVICE inline void DecodeRun(const BlockIQ2_S& block, int run, float* out) {
  const int nibble = (block.scales[run / 4] >> (run / 2 % 2 * 4)) & 15;
  const float scale = F16ToF32(block.d) * (0.5f + static_cast<float>(nibble)) * 0.25f;
  const int index = block.qs[run] | ((block.qh[run / 4] >> (run % 4 * 2)) & 3) << 8;
  DecodeSigned<8>(Iq2s(index), block.signs[run], scale, out);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ2_S_H_
