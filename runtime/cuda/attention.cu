// The cache, and attention over it.
//
// A block takes one kv head and a tile of lanes, a lane being one head of one token, so that all
// heads that share keys share their decoding. Cells come in chunks; the softmax is kept as a
// running maximum and sum. Where lanes are few, cells are split among blocks, and a second kernel
// combines what they found.

#include <cmath>
#include <cstdint>

#include "runtime/cuda/cache_encode.h"
#include "runtime/cuda/operations.h"
#include "runtime/cuda/platform.h"

namespace gguf {
namespace device {
namespace {

constexpr int kLanes = 16;
constexpr int kCells = 32;
constexpr int kThreads = 128;
constexpr int kThreadsOfLane = kThreads / kLanes;
constexpr int kCellsOfThread = kCells / kThreadsOfLane;
constexpr uint32_t kMostHead = 512;  // values of a head that fit into shared memory
constexpr float kMasked = -1e30f;    // below any score, and finite

// Rows in shared memory are one float longer than they need: neighbours meet other banks.
struct AttendMemory {
  float* queries;  // [kLanes][key_length + 1], scaled
  float* rows;     // [kCells][longer length + 1]: keys, then values
  float* sums;     // [kLanes][value_length + 1]
  float* scores;   // [kLanes][kCells]
  float* weights;  // [kLanes][kCells]
};

GGUF_HOST_DEVICE inline uint32_t LongerLength(const GgufCudaAttention& a) {
  return a.key_length > a.value_length ? a.key_length : a.value_length;
}

GGUF_HOST_DEVICE inline size_t AttendBytes(const GgufCudaAttention& a) {
  return sizeof(float) * (kLanes * (a.key_length + 1) + kCells * (LongerLength(a) + 1) +
                          kLanes * (a.value_length + 1) + 2 * kLanes * kCells);
}

GGUF_DEVICE inline AttendMemory MemoryOf(const GgufCudaAttention& a) {
  AttendMemory m;
  m.queries = reinterpret_cast<float*>(SharedMemory());
  m.rows = m.queries + kLanes * (a.key_length + 1);
  m.sums = m.rows + kCells * (LongerLength(a) + 1);
  m.scores = m.sums + kLanes * (a.value_length + 1);
  m.weights = m.scores + kLanes * kCells;
  return m;
}

// Rows of `num_cells` cells from `first` on, zeros for the rest of a chunk.
GGUF_DEVICE void DecodeCells(const GgufCudaAttention& a, const GgufCudaCacheRows& from,
                             uint32_t length, uint32_t first, uint32_t num_cells, float* rows) {
  const uint32_t runs = (length + kDecodedRun - 1) / kDecodedRun;
  for (uint32_t i = Thread(); i < kCells * runs; i += kThreads) {
    const uint32_t cell = i / runs, run = i % runs;
    float values[kDecodedRun] = {};
    if (cell < num_cells) {
      const uint64_t row = a.cells == nullptr ? first + cell : a.cells[first + cell];
      const uint8_t* head = from.data + row * from.row_bytes + BlockY() * from.head_bytes;
      DecodeCacheRun(from.type, head, run, length, values);
    }
    float* out = rows + cell * (LongerLength(a) + 1) + run * kDecodedRun;
    for (uint32_t j = 0; j < kDecodedRun && run * kDecodedRun + j < length; ++j) out[j] = values[j];
  }
}

struct Lane {
  uint32_t token, head;
  bool is_real;  // the last tile has lanes to spare, which repeat the last real one
};

GGUF_DEVICE inline Lane LaneOf(const GgufCudaAttention& a, uint32_t index) {
  const uint32_t group = a.num_heads / a.num_kv_heads;
  const bool is_real = index < a.count * group;
  if (!is_real) index = a.count * group - 1;
  return {index / group, BlockY() * group + index % group, is_real};
}

// What a split found of a lane: the values' weighted sum, the maximum, the total weight.
GGUF_DEVICE inline float* PartOf(const GgufCudaAttention& a, uint32_t split, uint64_t token,
                                 uint32_t head) {
  const uint64_t index = (split * uint64_t{a.count} + token) * a.num_heads + head;
  return a.scratch + index * (a.value_length + 2);
}

GGUF_KERNEL void AttendKernel(GgufCudaAttention a) {
  const AttendMemory m = MemoryOf(a);
  const int mine = Thread() / kThreadsOfLane, at = Thread() % kThreadsOfLane;
  const Lane lane = LaneOf(a, BlockX() * kLanes + mine);
  float* query = m.queries + mine * (a.key_length + 1);
  float* sums = m.sums + mine * (a.value_length + 1);
  const float* from = a.queries + (uint64_t{lane.token} * a.num_heads + lane.head) * a.key_length;
  for (uint32_t k = at; k < a.key_length; k += kThreadsOfLane) query[k] = from[k] * a.scale;
  for (uint32_t j = at; j < a.value_length; j += kThreadsOfLane) sums[j] = 0.0f;
  const int32_t begin = a.seen_begin[lane.token], end = a.seen_end[lane.token];
  // What the tile's lanes see together: neither end falls from token to token.
  const int32_t tile_begin = a.seen_begin[LaneOf(a, BlockX() * kLanes).token];
  const int32_t tile_end = a.seen_end[LaneOf(a, BlockX() * kLanes + kLanes - 1).token];
  float maximum = kMasked, total = 0.0f;

  const uint32_t num_chunks = (a.num_cells + kCells - 1) / kCells;
  const uint32_t chunks_of_split = (num_chunks + a.num_splits - 1) / a.num_splits;
  const uint32_t first_chunk = BlockZ() * chunks_of_split;
  for (uint32_t chunk = first_chunk; chunk < first_chunk + chunks_of_split; ++chunk) {
    if (chunk >= num_chunks) break;
    const uint32_t first = chunk * kCells;
    const uint32_t num_cells = a.num_cells - first < kCells ? a.num_cells - first : kCells;
    if (a.cell_positions[first] >= tile_end ||
        a.cell_positions[first + num_cells - 1] < tile_begin) {
      continue;
    }
    DecodeCells(a, a.keys, a.key_length, first, num_cells, m.rows);
    SyncBlock();
    for (int i = 0; i < kCellsOfThread; ++i) {
      const uint32_t cell = at + i * kThreadsOfLane;
      const float* key = m.rows + cell * (LongerLength(a) + 1);
      float score = 0.0f;
      for (uint32_t k = 0; k < a.key_length; ++k) score = fmaf(query[k], key[k], score);
      if (a.cap > 0.0f) score = a.cap * tanhf(score / a.cap);
      const int32_t position = cell < num_cells ? a.cell_positions[first + cell] : end;
      m.scores[mine * kCells + cell] = position >= begin && position < end ? score : kMasked;
    }
    SyncBlock();
    DecodeCells(a, a.values, a.value_length, first, num_cells, m.rows);
    float new_maximum = maximum;
    for (int c = 0; c < kCells; ++c) new_maximum = fmaxf(new_maximum, m.scores[mine * kCells + c]);
    for (int i = 0; i < kCellsOfThread; ++i) {
      const int cell = mine * kCells + at + i * kThreadsOfLane;
      const float score = m.scores[cell];
      m.weights[cell] = score == kMasked ? 0.0f : expf(score - new_maximum);
    }
    SyncBlock();
    const float correction = expf(maximum - new_maximum);
    maximum = new_maximum;
    total *= correction;
    for (int c = 0; c < kCells; ++c) total += m.weights[mine * kCells + c];
    for (uint32_t j = at; j < a.value_length; j += kThreadsOfLane) {
      float sum = sums[j] * correction;
      for (int c = 0; c < kCells; ++c) {
        sum = fmaf(m.weights[mine * kCells + c], m.rows[c * (LongerLength(a) + 1) + j], sum);
      }
      sums[j] = sum;
    }
    SyncBlock();
  }
  if (!lane.is_real) return;
  float* part = PartOf(a, BlockZ(), lane.token, lane.head);
  for (uint32_t j = at; j < a.value_length; j += kThreadsOfLane) part[j] = sums[j];
  if (at == 0) {
    part[a.value_length] = maximum;
    part[a.value_length + 1] = total;
  }
}

// A block per token and head.
GGUF_KERNEL void CombineKernel(GgufCudaAttention a) {
  const uint32_t token = BlockX(), head = BlockY();
  float maximum = a.sinks != nullptr ? a.sinks[head] : kMasked;
  for (uint32_t s = 0; s < a.num_splits; ++s) {
    maximum = fmaxf(maximum, PartOf(a, s, token, head)[a.value_length]);
  }
  float total = a.sinks != nullptr ? expf(a.sinks[head] - maximum) : 0.0f;
  for (uint32_t s = 0; s < a.num_splits; ++s) {
    const float* part = PartOf(a, s, token, head) + a.value_length;
    total += part[1] * expf(part[0] - maximum);
  }
  float* out = a.out + (uint64_t{token} * a.num_heads + head) * a.value_length;
  for (uint32_t j = Thread(); j < a.value_length; j += kThreads) {
    float sum = 0.0f;
    for (uint32_t s = 0; s < a.num_splits; ++s) {
      const float* part = PartOf(a, s, token, head);
      sum += part[j] * expf(part[a.value_length] - maximum);
    }
    out[j] = sum / total;
  }
}

GGUF_KERNEL void StoreKernel(GgufCudaStore a) {
  const uint32_t blocks = (a.width + kCacheBlock - 1) / kCacheBlock;
  const uint64_t at = uint64_t{BlockX()} * kThreads + Thread();
  if (at >= uint64_t{a.count} * blocks) return;
  const uint64_t row = at / blocks;
  EncodeCacheBlock(a.type, a.rows + row * a.width, static_cast<uint32_t>(at % blocks) * kCacheBlock,
                   a.width, a.data + a.cells[row] * a.row_bytes);
}

}  // namespace

int Store(const GgufCudaStore* a) {
  const uint64_t blocks = (a->width + kCacheBlock - 1) / kCacheBlock;
  if (a->count == 0) return 0;
  return Launch(StoreKernel, {CeilDiv(a->count * blocks, kThreads)}, kThreads, 0, *a);
}

int Attend(const GgufCudaAttention* a) {
  if (a->count == 0) return 0;
  if (LongerLength(*a) > kMostHead || a->num_splits == 0) return kInvalidArguments;
  const unsigned tiles = CeilDiv(uint64_t{a->count} * (a->num_heads / a->num_kv_heads), kLanes);
  const int error =
      Launch(AttendKernel, {tiles, a->num_kv_heads, a->num_splits}, kThreads, AttendBytes(*a), *a);
  if (error != 0) return error;
  return Launch(CombineKernel, {a->count, a->num_heads}, kThreads, 0, *a);
}

}  // namespace device
}  // namespace gguf
