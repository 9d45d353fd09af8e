// Q4_K: 256 values in 8 sub-blocks with 6-bit scales and minimums, 4-bit codes. 144 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/k_scales.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ4_K {
  static constexpr int kValues = 256;

  uint16_t d;          // binary16, of the scales
  uint16_t dmin;       // binary16, of the minimums
  uint8_t scales[12];  // see k_scales.h
  uint8_t qs[128];     // byte 32g + l: value 64g + l in the low nibble, 64g + 32 + l in the high
};
#pragma pack(pop)
static_assert(sizeof(BlockQ4_K) == 144, "BlockQ4_K is packed");

// x = d * scale * code - dmin * minimum
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ4_K& block, int run, float* out) {
  const int b = run / 4;
  const float scale = F16ToF32(block.d) * static_cast<float>(KScale(block.scales, b));
  const float minimum = F16ToF32(block.dmin) * static_cast<float>(KMinimum(block.scales, b));
  const int shift = b % 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockQ4_K, offsetof(BlockQ4_K, qs), 8>(block, b / 2 * 4 + run % 4, qs);
  for (int j = 0; j < 8; ++j) {
    out[j] = scale * static_cast<float>((qs[j] >> shift) & 15) - minimum;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q4_K_H_
