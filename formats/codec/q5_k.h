// Q5_K: 256 values in 8 sub-blocks with 6-bit scales and minimums, 5-bit codes. 176 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/k_scales.h"
#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_K {
  static constexpr int kValues = 256;

  uint16_t d;          // binary16, of the scales
  uint16_t dmin;       // binary16, of the minimums
  uint8_t scales[12];  // see k_scales.h
  uint8_t qh[32];      // bit i / 32 of byte i % 32: fifth bit of value i
  uint8_t qs[128];     // byte 32g + l: value 64g + l in the low nibble, 64g + 32 + l in the high
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_K) == 176, "BlockQ5_K is packed");

// x = d * scale * code - dmin * minimum
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ5_K& block, int run, float* out) {
  const int b = run / 4;
  const float scale = F16ToF32(block.d) * static_cast<float>(KScale(block.scales, b));
  const float minimum = F16ToF32(block.dmin) * static_cast<float>(KMinimum(block.scales, b));
  const int shift = b % 2 * 4;
  uint8_t qs[8], qh[8];
  LoadBytes<BlockQ5_K, offsetof(BlockQ5_K, qs), 8>(block, b / 2 * 4 + run % 4, qs);
  LoadBytes<BlockQ5_K, offsetof(BlockQ5_K, qh), 8>(block, run % 4, qh);
  for (int j = 0; j < 8; ++j) {
    const int code = ((qs[j] >> shift) & 15) | ((qh[j] >> b) & 1) << 4;
    out[j] = scale * static_cast<float>(code) - minimum;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_K_H_
