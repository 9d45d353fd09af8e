// Q5_0: 32 values, one scale, 5-bit codes around 16. 22 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ5_0 {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint32_t qh;     // bit j: fifth bit of value j
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ5_0) == 22, "BlockQ5_0 is packed");

// x = (code - 16) * d
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ5_0& block, int run, float* out) {
  const float d = F16ToF32(block.d);
  const uint32_t qh = block.qh >> (8 * run);
  const int shift = run / 2 * 4;
  uint8_t qs[8];
  LoadBytes<BlockQ5_0, offsetof(BlockQ5_0, qs), 8>(block, run % 2, qs);
  for (int j = 0; j < 8; ++j) {
    const int code = ((qs[j] >> shift) & 15) | static_cast<int>((qh >> j) & 1) << 4;
    out[j] = static_cast<float>(code - 16) * d;
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q5_0_H_
