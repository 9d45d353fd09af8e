// IQ4_NL: 32 values, one scale, 4-bit indices of uneven levels. 18 bytes.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_

#include <cstdint>

#include "formats/codec/codebooks/iq4nl.h"
#include "gguf/base/float16.h"

namespace gguf {

#pragma pack(push, 1)
struct BlockIQ4_NL {
  static constexpr int kValues = 32;

  uint16_t d;      // binary16
  uint8_t qs[16];  // low nibble: value j, high nibble: value j + 16
};
#pragma pack(pop)
static_assert(sizeof(BlockIQ4_NL) == 18, "BlockIQ4_NL is packed");

// x = d * level
GGUF_HOST_DEVICE inline void DecodeBlock(const BlockIQ4_NL& block, float* out) {
  const float d = F16ToF32(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(Iq4nl(block.qs[j] & 15));
    out[j + 16] = d * static_cast<float>(Iq4nl(block.qs[j] >> 4));
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_IQ4_NL_H_
