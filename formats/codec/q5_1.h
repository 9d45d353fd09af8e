// Q5_1: 32 values, scale and minimum, 5-bit codes. 24 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_1 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint16_t m;      // binary16
  uint32_t qh;     // bit j: fifth bit of value j
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_1) == 24, "BlockQ5_1 is packed");

// x = code * d + m
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ5_1& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const float m = F16ToF32(block.m);
  const uint32_t qh = block.qh >> (8 * run);
  const int shift = run / 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockQ5_1, offsetof(BlockQ5_1, qs), 8>(block, run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    const int code = ((qs[j] >> shift) & 15) | static_cast<int>((qh >> j) & 1) << 4;
    out[j] = static_cast<float>(code) * d + m;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_1_H_
