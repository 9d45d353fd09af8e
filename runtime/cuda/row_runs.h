// A row of a matrix of any tensor type, decoded in runs of eight values.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_ROW_RUNS_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_ROW_RUNS_H_

#include <cstdint>

#include "formats/codec/plain.h"
#include "formats/codec/runs.h"
#include "runtime/cuda/platform.h"

namespace gguf {
namespace device {

template <class Block>
inline constexpr bool kIsPlain = Block::kValues == 1;

template <class Block>
GGUF_HOST_DEVICE inline uint64_t BytesOfRow(uint32_t columns) {
  return uint64_t{columns} / Block::kValues * sizeof(Block);
}

// Values [8 run, 8 run + 8) of a row; zeros from `columns` on.
template <class Block>
GGUF_DEVICE inline void DecodeRowRun(const uint8_t* row, uint32_t run, uint32_t columns,
                                     float* out) {
  const Block* blocks = reinterpret_cast<const Block*>(row);
  if constexpr (kIsPlain<Block>) {
    const uint32_t first = run * kDecodedRun;
#ifdef __CUDA_ARCH__
    // Rows of whole runs are aligned to them.
    if (sizeof(Block) == 2 && columns % kDecodedRun == 0) {
      const uint4 words = reinterpret_cast<const uint4*>(row)[run];
      const uint32_t pairs[4] = {words.x, words.y, words.z, words.w};
      GGUF_UNROLL
      for (int i = 0; i < 4; ++i) {
        const uint16_t halves[2] = {static_cast<uint16_t>(pairs[i]),
                                    static_cast<uint16_t>(pairs[i] >> 16)};
        DecodeBlock(reinterpret_cast<const Block*>(halves)[0], out + 2 * i);
        DecodeBlock(reinterpret_cast<const Block*>(halves)[1], out + 2 * i + 1);
      }
      return;
    }
#endif
    for (int j = 0; j < kDecodedRun; ++j) {
      out[j] = 0.0f;
      if (first + j < columns) DecodeBlock(blocks[first + j], out + j);
    }
  } else {
    constexpr int kRuns = Block::kValues / kDecodedRun;
    DecodeRun(blocks[run / kRuns], static_cast<int>(run % kRuns), out);
  }
}

// Floats [8 run, 8 run + 8) of a row aligned to 16 bytes when `columns` is a multiple of 8; zeros
// from `columns` on.
GGUF_DEVICE inline void LoadRowRun(const float* row, uint32_t run, uint32_t columns, float* out) {
  const uint32_t first = run * kDecodedRun;
#ifdef __CUDA_ARCH__
  if (columns % kDecodedRun == 0) {
    const float4 low = reinterpret_cast<const float4*>(row + first)[0];
    const float4 high = reinterpret_cast<const float4*>(row + first)[1];
    out[0] = low.x;
    out[1] = low.y;
    out[2] = low.z;
    out[3] = low.w;
    out[4] = high.x;
    out[5] = high.y;
    out[6] = high.z;
    out[7] = high.w;
    return;
  }
#endif
  for (int j = 0; j < kDecodedRun; ++j) out[j] = first + j < columns ? row[first + j] : 0.0f;
}

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_ROW_RUNS_H_
