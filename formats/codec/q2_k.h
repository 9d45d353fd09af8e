// Q2_K: 256 values in 16 sub-blocks with 4-bit scales and minimums, 2-bit codes. 84 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ2_K {
  static constexpr int kValues = 256;

  uint8_t scales[16];  // of values 16b..16b + 15: low nibble scale, high nibble minimum
  uint8_t qs[64];      // bits 2c, 2c + 1 of byte 32h + l: value 128h + 32c + l
  uint16_t d;          // binary16, of the scales
  uint16_t dmin;       // binary16, of the minimums
};
#pragma pack(pop)
static_assert(sizeof(BlockQ2_K) == 84, "BlockQ2_K is packed");

// x = d * scale * code - dmin * minimum
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ2_K& block, int run, float* out) {
  const int b = run / 2;
  const float scale = F16ToF32(block.d) * static_cast<float>(block.scales[b] & 15);
  const float minimum = F16ToF32(block.dmin) * static_cast<float>(block.scales[b] >> 4);
  const int shift = run / 4 % 4 * 2;
  uint8_t qs[8];
  LoadBytes<BlockQ2_K, offsetof(BlockQ2_K, qs), 8>(block, run / 16 * 4 + run % 4, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = scale * static_cast<float>((qs[j] >> shift) & 3) - minimum;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q2_K_H_
