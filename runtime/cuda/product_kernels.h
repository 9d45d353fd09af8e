// Products of weights with activations on the device, one set of kernels per tensor type; a .cu
// file per family of types makes them.
//
// Few tokens: a warp per row of weights decodes runs of eight values and multiplies them, in float.
// Many: tiles of weights are decoded to bfloat16 into shared memory and multiplied by tensor cores,
// as pairs (value = high + low; high * high + high * low + low * high) when asked for.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_PRODUCT_KERNELS_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_PRODUCT_KERNELS_H_

#include <cmath>
#include <cstdint>

#include "runtime/cuda/backend_api.h"
#include "runtime/cuda/platform.h"
#include "runtime/cuda/row_runs.h"

namespace gguf {
namespace device {

// Tokens up to which rows are multiplied one by one: beyond, decoding a row again for every
// eight tokens costs more than tiles that are partly empty.
inline constexpr uint32_t kMostTokensOfRows = 16;
inline constexpr int kRowWarps = 4;   // rows of a block
inline constexpr int kRowTokens = 8;  // tokens that share a decoded run

inline constexpr int kTileRows = 64;
inline constexpr int kTileTokens = 128;
inline constexpr int kTileDepth = 32;   // columns in shared memory at a time
inline constexpr int kTileStride = 40;  // of their rows: 80 bytes spread over the banks
inline constexpr int kTileThreads = 256;
inline constexpr int kSumStride = 68;  // of sums [token][row] on their way out
inline constexpr size_t kTileBytes = sizeof(float) * kTileTokens * kSumStride;
static_assert(2 * (kTileRows + kTileTokens) * kTileStride * sizeof(uint16_t) <= kTileBytes,
              "operands fit where the sums go");

// Tokens and matrix of a group.
struct GroupView {
  uint32_t first, end;
  uint32_t matrix;
};

GGUF_DEVICE inline GroupView GroupOf(const GgufCudaProduct& p, uint32_t group) {
  if (p.group_first == nullptr) return {0, p.count, 0};
  return {p.group_first[group], p.group_first[group + 1], p.group_matrix[group]};
}

GGUF_DEVICE inline float BiasOf(const GgufCudaProduct& p, uint32_t matrix, uint32_t row) {
  return p.bias == nullptr ? 0.0f : p.bias[uint64_t{matrix} * p.rows + row];
}

template <class Block>
GGUF_DEVICE inline const uint8_t* RowOf(const GgufCudaProduct& p, uint32_t matrix, uint32_t row) {
  return p.weights + matrix * p.matrix_bytes + row * BytesOfRow<Block>(p.columns);
}

template <class Block, int kTokens>
GGUF_KERNEL void MultiplyRows(GgufCudaProduct p) {
  const int lane = Thread() % kWarpThreads;
  const uint32_t row = BlockX() * kRowWarps + Thread() / kWarpThreads;
  const GroupView group = GroupOf(p, BlockZ());
  const uint32_t first = group.first + BlockY() * kTokens;
  if (row >= p.rows || first >= group.end) return;
  const uint8_t* weights = RowOf<Block>(p, group.matrix, row);
  const uint32_t num_tokens = group.end - first < kTokens ? group.end - first : kTokens;
  float sums[kTokens] = {};
  const uint32_t runs = (p.columns + kDecodedRun - 1) / kDecodedRun;
  for (uint32_t run = lane; run < runs; run += kWarpThreads) {
    float w[kDecodedRun];
    DecodeRowRun<Block>(weights, run, p.columns, w);
    GGUF_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      if (t >= static_cast<int>(num_tokens)) break;
      float x[kDecodedRun];
      LoadRowRun(p.x + uint64_t{first + t} * p.columns, run, p.columns, x);
      GGUF_UNROLL
      for (int j = 0; j < kDecodedRun; ++j) sums[t] = fmaf(w[j], x[j], sums[t]);
    }
  }
  GGUF_UNROLL
  for (int t = 0; t < kTokens; ++t) {
    const float sum = WarpSum(sums[t]);
    if (lane == 0 && t < static_cast<int>(num_tokens)) {
      p.out[uint64_t{first + t} * p.rows + row] = sum + BiasOf(p, group.matrix, row);
    }
  }
}

// The nearest pair of bfloat16 values to each of a run.
GGUF_DEVICE inline void StorePairs(const float* values, uint16_t* high, uint16_t* low) {
  for (int j = 0; j < kDecodedRun; ++j) {
    high[j] = F32ToBF16(values[j]);
    low[j] = F32ToBF16(values[j] - BF16ToF32(high[j]));
  }
}

// Columns [32 step, 32 step + 32) of a tile's weights and tokens, as pairs.
struct TileOperands {
  uint16_t (*weights)[kTileRows][kTileStride];  // high, low
  uint16_t (*tokens)[kTileTokens][kTileStride];
};

template <class Block>
GGUF_DEVICE void LoadTile(const GgufCudaProduct& p, const GroupView& group, uint32_t first_row,
                          uint32_t first_token, uint32_t step, const TileOperands& tile) {
  constexpr int kRuns = kTileDepth / kDecodedRun;
  static_assert(kTileThreads == kTileRows * kRuns, "a run of weights per thread");
  const int index = Thread() / kRuns;
  const int at = Thread() % kRuns;
  const uint32_t run = step * kRuns + at;
  const bool has_run = run * kDecodedRun < p.columns;
  float values[kDecodedRun] = {};
  if (has_run && first_row + index < p.rows) {
    DecodeRowRun<Block>(RowOf<Block>(p, group.matrix, first_row + index), run, p.columns, values);
  }
  StorePairs(values, &tile.weights[0][index][at * kDecodedRun],
             &tile.weights[1][index][at * kDecodedRun]);
  for (int token = index; token < kTileTokens; token += kTileRows) {
    for (int j = 0; j < kDecodedRun; ++j) values[j] = 0.0f;
    if (has_run && first_token + token < group.end) {
      LoadRowRun(p.x + uint64_t{first_token + token} * p.columns, run, p.columns, values);
    }
    StorePairs(values, &tile.tokens[0][token][at * kDecodedRun],
               &tile.tokens[1][token][at * kDecodedRun]);
  }
}

template <class Block>
GGUF_KERNEL void MultiplyTiles(GgufCudaProduct p) {
  const GroupView group = GroupOf(p, BlockZ());
  const uint32_t first_row = BlockX() * kTileRows;
  const uint32_t first_token = group.first + BlockY() * kTileTokens;
  if (first_token >= group.end) return;
  TileOperands tile;
  tile.weights = reinterpret_cast<uint16_t(*)[kTileRows][kTileStride]>(SharedMemory());
  tile.tokens = reinterpret_cast<uint16_t(*)[kTileTokens][kTileStride]>(tile.weights + 2);
  // A warp has 32 rows and 32 tokens.
  const int warp = Thread() / kWarpThreads;
  const int m = warp % 2 * 32, n = warp / 2 * 32;
  Tile sums[2][2];
  const uint32_t steps = (p.columns + kTileDepth - 1) / kTileDepth;
  for (uint32_t step = 0; step < steps; ++step) {
    LoadTile<Block>(p, group, first_row, first_token, step, tile);
    SyncBlock();
    for (int k = 0; k < kTileDepth; k += 16) {
      GGUF_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int row = m + i % 2 * 16, token = n + i / 2 * 16;
        Tile& sum = sums[i / 2][i % 2];
        sum.MultiplyAdd(&tile.weights[0][row][k], &tile.tokens[0][token][k], kTileStride);
        if (p.is_full == 0) continue;
        sum.MultiplyAdd(&tile.weights[0][row][k], &tile.tokens[1][token][k], kTileStride);
        sum.MultiplyAdd(&tile.weights[1][row][k], &tile.tokens[0][token][k], kTileStride);
      }
    }
    SyncBlock();
  }
  float* out = reinterpret_cast<float*>(SharedMemory());
  GGUF_UNROLL
  for (int i = 0; i < 4; ++i) {
    sums[i / 2][i % 2].Store(out + (n + i / 2 * 16) * kSumStride + m + i % 2 * 16, kSumStride);
  }
  SyncBlock();
  for (int i = Thread(); i < kTileRows * kTileTokens; i += kTileThreads) {
    const uint32_t row = first_row + i % kTileRows;
    const uint32_t token = first_token + i / kTileRows;
    if (row >= p.rows || token >= group.end) continue;
    p.out[uint64_t{token} * p.rows + row] =
        out[i / kTileRows * kSumStride + i % kTileRows] + BiasOf(p, group.matrix, row);
  }
}

struct DecodeArgs {
  const uint8_t* blocks;
  uint64_t num_values;
  float* out;
};

template <class Block>
GGUF_KERNEL void DecodeValues(DecodeArgs args) {
  const uint64_t value = (uint64_t{BlockX()} * NumThreads() + Thread()) * kDecodedRun;
  if (value >= args.num_values) return;
  // Blocks at a time, so that columns of a row stay below 2^32.
  constexpr uint64_t kStep = Block::kValues * kDecodedRun;
  const uint64_t first = value / kStep * kStep;
  const uint64_t left = args.num_values - first;
  float values[kDecodedRun];
  DecodeRowRun<Block>(args.blocks + first / Block::kValues * sizeof(Block),
                      static_cast<uint32_t>((value - first) / kDecodedRun),
                      static_cast<uint32_t>(left < kStep ? left : kStep), values);
  for (int j = 0; j < kDecodedRun && value + j < args.num_values; ++j) {
    args.out[value + j] = values[j];
  }
}

template <class Block>
int Multiply(const GgufCudaProduct* p) {
  if (p->count == 0 || p->largest_group == 0) return 0;
  if (p->largest_group <= kMostTokensOfRows) {
    const unsigned blocks = CeilDiv(p->rows, kRowWarps);
    const int threads = kRowWarps * kWarpThreads;
    if (p->largest_group == 1) {
      return Launch(MultiplyRows<Block, 1>, {blocks, 1, p->num_groups}, threads, 0, *p);
    }
    return Launch(MultiplyRows<Block, kRowTokens>,
                  {blocks, CeilDiv(p->largest_group, kRowTokens), p->num_groups}, threads, 0, *p);
  }
  return Launch(
      MultiplyTiles<Block>,
      {CeilDiv(p->rows, kTileRows), CeilDiv(p->largest_group, kTileTokens), p->num_groups},
      kTileThreads, kTileBytes, *p);
}

template <class Block>
int Decode(const uint8_t* blocks, uint64_t num_values, float* out) {
  constexpr int kThreads = 256;
  return Launch(DecodeValues<Block>, {CeilDiv(num_values, kThreads * kDecodedRun)}, kThreads, 0,
                DecodeArgs{blocks, num_values, out});
}

// A row of a table of types; `id` as in gguf/tensor_type.h.
template <class Block>
constexpr GgufCudaTypeKernels KernelsOf(uint32_t id) {
  return {id, Multiply<Block>, Decode<Block>};
}

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_PRODUCT_KERNELS_H_
