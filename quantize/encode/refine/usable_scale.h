// Which block scales a refinement touches.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_USABLE_SCALE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_USABLE_SCALE_H_

#include <cstdint>

namespace gguf {

// Finite and not zero. Blocks of other scales stay as the reference made them, and none becomes so.
inline bool IsUsableScale(uint16_t half) {
  const uint16_t magnitude = half & 0x7FFFu;
  return magnitude != 0 && magnitude < 0x7C00u;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_USABLE_SCALE_H_
