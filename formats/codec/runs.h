// Blocks decode in runs of eight values, any run on its own: what a thread of a device decodes at a
// time. Each block type has
//
//   void DecodeRun(const Block& block, int run, float* out);  // values [8 run, 8 run + 8)
//
// and a whole block is its runs.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_RUNS_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "gguf/base/float16.h"

namespace gguf {

inline constexpr int kDecodedRun = 8;

template <class Block>
GGUF_HOST_DEVICE inline void DecodeBlock(const Block& block, float* out) {
  static_assert(Block::kValues % kDecodedRun == 0, "blocks are whole runs");
  for (int run = 0; run < Block::kValues / kDecodedRun; ++run) {
    DecodeRun(block, run, out + run * kDecodedRun);
  }
}

// Copies bytes [kCount part, kCount part + kCount) of the field at `kOffset` of a block. A device
// has its blocks in an array aligned to 16 bytes, so that the widest load that always fits follows
// from size and offset; a host has them anywhere.
template <class Block, size_t kOffset, int kCount>
GGUF_HOST_DEVICE inline void LoadBytes(const Block& block, int part, uint8_t* out) {
  const uint8_t* from = reinterpret_cast<const uint8_t*>(&block) + kOffset + kCount * part;
#ifdef __CUDA_ARCH__
  constexpr size_t kBits = sizeof(Block) | kOffset | kCount | 16;
  constexpr size_t kAlign = kBits & (~kBits + 1);
  if constexpr (kAlign % 4 == 0) {
    for (int i = 0; i < kCount / 4; ++i) {
      const uint32_t word = reinterpret_cast<const uint32_t*>(from)[i];
      for (int j = 0; j < 4; ++j) out[4 * i + j] = static_cast<uint8_t>(word >> (8 * j));
    }
  } else if constexpr (kAlign % 2 == 0) {
    for (int i = 0; i < kCount / 2; ++i) {
      const uint16_t half = reinterpret_cast<const uint16_t*>(from)[i];
      out[2 * i] = static_cast<uint8_t>(half);
      out[2 * i + 1] = static_cast<uint8_t>(half >> 8);
    }
  } else {
    for (int i = 0; i < kCount; ++i) out[i] = from[i];
  }
#else
  std::memcpy(out, from, kCount);
#endif
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_RUNS_H_
