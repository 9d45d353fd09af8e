// Q3_K: 256 values in 16 sub-blocks with 6-bit scales, 3-bit codes around 4. 110 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_Q3_K_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_Q3_K_H_

#include <cstddef>
#include <cstdint>

#include "formats/codec/runs.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockQ3_K {
  static constexpr int kValues = 256;

  uint8_t hmask[32];   // bit i / 32 of byte i % 32: third bit of value i
  uint8_t qs[64];      // bits 2c, 2c + 1 of byte 32h + l: low bits of value 128h + 32c + l
  uint8_t scales[12];  // 16 codes of 6 bits, see Q3_KScale
  uint16_t d;          // binary16
};
#pragma pack(pop)
static_assert(sizeof(BlockQ3_K) == 110, "BlockQ3_K is packed");

// The scale of sub-block b (0 to 15), -32 to 31: low nibbles in bytes 0 to 7, first those of the
// lower eight sub-blocks; the two high bits in bytes 8 to 11.
GGUF_HOST_DEVICE inline int Q3_KScale(const uint8_t* scales, int b) {
  const int low = b < 8 ? scales[b] & 15 : scales[b - 8] >> 4;
  const int high = (scales[8 + b % 4] >> (b / 4 * 2)) & 3;
  return (low | high << 4) - 32;
}

// x = d * scale * (code - 4)
GGUF_HOST_DEVICE inline void DecodeRun(const BlockQ3_K& block, int run, float* out) {
  const float scale = F16ToF32(block.d) * static_cast<float>(Q3_KScale(block.scales, run / 2));
  const int shift = run / 4 % 4 * 2;
  const int high_bit = run / 4;
  uint8_t qs[8], hmask[8];
  LoadBytes<BlockQ3_K, offsetof(BlockQ3_K, qs), 8>(block, run / 16 * 4 + run % 4, qs);
  LoadBytes<BlockQ3_K, offsetof(BlockQ3_K, hmask), 8>(block, run % 4, hmask);
  for (int j = 0; j < 8; ++j) {
    const int code = ((qs[j] >> shift) & 3) | ((hmask[j] >> high_bit) & 1) << 2;
    out[j] = scale * static_cast<float>(code - 4);
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_Q3_K_H_
