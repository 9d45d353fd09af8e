// A task takes one head and up to kTaskBlocks blocks of 32 queries. Keys come in chunks, which the
// task packs once for all its queries; the softmax is kept as a running maximum and sum.

#include "runtime/vision/patch_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "gguf/base/parallel.h"
#include "runtime/ops/amx.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/vision/patch_attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;

// Turns a query's `count` scores into weights against the running maximum, which moves, and adds
// them to `total`. `room`: a multiple of 16 of at least count, of which the rest become 0. Returns
// what earlier sums must be multiplied by.
float SoftmaxRow(float* scores, size_t count, size_t room, float* maximum, float* total) {
  const DF d;
  const size_t lanes = hn::Lanes(d);
  std::fill(scores + count, scores + room, -std::numeric_limits<float>::max());
  auto largest = hn::Set(d, *maximum);
  for (size_t i = 0; i < room; i += lanes) largest = hn::Max(largest, hn::Load(d, scores + i));
  const float now = hn::GetLane(hn::MaxOfLanes(d, largest));
  const auto base = hn::Set(d, now);
  auto sum = hn::Zero(d);
  for (size_t i = 0; i < room; i += lanes) {
    const auto weight = hn::Exp(d, hn::Sub(hn::Load(d, scores + i), base));
    sum = hn::Add(sum, weight);
    hn::Store(weight, d, scores + i);
  }
  const float factor = std::exp(*maximum - now);
  *total = *total * factor + hn::GetLane(hn::SumOfLanes(d, sum));
  *maximum = now;
  return factor;
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

HWY_EXPORT(SoftmaxRow);

constexpr size_t kTaskBlocks = 32;             // of kAmxRows queries
constexpr size_t kChunk = 256;                 // keys; a multiple of kAmxTokens and kAmxDepth
constexpr size_t kTurnedStride = kChunk + 16;  // columns of it lie in different sets of a cache

size_t Panels(size_t count) { return (count + kAmxTokens - 1) / kAmxTokens; }

// One head's part in the attention of some queries, its buffers in one piece of scratch.
class Task {
 public:
  Task(const PatchAttention& in, int parts, size_t head, size_t first_query)
      : in_(in),
        parts_(parts),
        offset_(head * in.head),
        stride_(in.num_heads * in.head),
        first_query_(first_query),
        num_queries_(std::min(kTaskBlocks * kAmxRows, in.patches - first_query)),
        num_blocks_(Panels(num_queries_)),
        value_stride_(Panels(in.head) * kAmxTokens),
        query_values_(AmxValues(in.head, parts)),
        chunk_values_(AmxValues(kChunk, parts)) {
    const size_t rows = num_blocks_ * kAmxRows;
    const size_t halves = num_blocks_ * query_values_ + Panels(kChunk) * query_values_ +
                          (Panels(in.head) + 1) * chunk_values_;
    thread_local Scratch scratch;
    float* next = scratch.Get(halves / 2 + rows * (value_stride_ + 2) + kAmxRows * kChunk +
                              in.head * kTurnedStride + 16 * 16);
    const auto take = [&next](size_t count) {
      float* taken = next;
      next += (count + 15) / 16 * 16;
      return taken;
    };
    const auto take_halves = [&](size_t count) {
      return reinterpret_cast<uint16_t*>(take((count + 1) / 2));
    };
    queries_ = take_halves(num_blocks_ * query_values_);
    keys_ = take_halves(Panels(kChunk) * query_values_);
    values_ = take_halves(Panels(in.head) * chunk_values_);
    weights_ = take_halves(chunk_values_);
    sums_ = take(rows * value_stride_);
    maximum_ = take(rows);
    total_ = take(rows);
    scores_ = take(kAmxRows * kChunk);
    turned_ = take(in.head * kTurnedStride);
    std::fill_n(sums_, rows * value_stride_, 0.0f);
    std::fill_n(maximum_, rows, -std::numeric_limits<float>::max());
    std::fill_n(total_, rows, 0.0f);
  }

  void Run() {
    AmxBegin();
    PackQueries();
    for (size_t first = 0; first < in_.patches; first += kChunk) {
      const size_t count = std::min(kChunk, in_.patches - first);
      PackKeys(first, count);
      PackValues(first, count);
      for (size_t block = 0; block < num_blocks_; ++block) Attend(block, count);
    }
    AmxEnd();
    for (size_t i = 0; i < num_queries_; ++i) {
      float* out = in_.out + (first_query_ + i) * stride_ + offset_;
      for (size_t j = 0; j < in_.head; ++j) out[j] = sums_[i * value_stride_ + j] / total_[i];
    }
  }

 private:
  // Rows behind the last query stay what they were: their results are not read.
  void PackQueries() {
    const float scale = 1.0f / std::sqrt(static_cast<float>(in_.head));
    std::vector<float> row(in_.head);
    std::fill_n(queries_, num_blocks_ * query_values_, uint16_t{0});
    for (size_t i = 0; i < num_queries_; ++i) {
      const float* query = in_.queries + (first_query_ + i) * stride_ + offset_;
      for (size_t k = 0; k < in_.head; ++k) row[k] = query[k] * scale;
      AmxPackWeights(row.data(), i % kAmxRows, in_.head, parts_,
                     queries_ + i / kAmxRows * query_values_);
    }
  }

  void PackKeys(size_t first, size_t count) {
    for (size_t i = 0; i < count; i += kAmxTokens) {
      AmxPackActivations(in_.keys + (first + i) * stride_ + offset_, stride_,
                         std::min(kAmxTokens, count - i), in_.head, parts_,
                         keys_ + i / kAmxTokens * query_values_);
    }
  }

  void PackValues(size_t first, size_t count) {
    // Eight rows at a time: their columns fill a part of a cache line.
    constexpr size_t kRows = 8;
    for (size_t i = 0; i < count; i += kRows) {
      const float* rows = in_.values + (first + i) * stride_ + offset_;
      const size_t num_rows = std::min(kRows, count - i);
      for (size_t j = 0; j < in_.head; ++j) {
        float* to = turned_ + j * kTurnedStride + i;
        for (size_t r = 0; r < num_rows; ++r) to[r] = rows[r * stride_ + j];
      }
    }
    for (size_t j = 0; j < in_.head; j += kAmxTokens) {
      AmxPackActivations(turned_ + j * kTurnedStride, kTurnedStride,
                         std::min(kAmxTokens, in_.head - j), count, parts_,
                         values_ + j / kAmxTokens * chunk_values_);
    }
  }

  // One block of queries with the `count` keys of the chunk.
  void Attend(size_t block, size_t count) {
    std::fill_n(scores_, kAmxRows * kChunk, 0.0f);
    for (size_t p = 0; p < Panels(count); ++p) {
      AmxMultiply(queries_ + block * query_values_, 1, 0, keys_ + p * query_values_, in_.head,
                  AmxParts{parts_, parts_}, scores_ + p * kAmxTokens, kChunk);
    }
    float* sums = sums_ + block * kAmxRows * value_stride_;
    for (size_t r = 0; r < kAmxRows; ++r) {
      const size_t query = block * kAmxRows + r;
      const float factor = HWY_DYNAMIC_DISPATCH(SoftmaxRow)(
          scores_ + r * kChunk, count, (count + 15) / 16 * 16, &maximum_[query], &total_[query]);
      AmxPackWeights(scores_ + r * kChunk, r, count, parts_, weights_);
      if (factor == 1.0f) continue;
      for (size_t j = 0; j < in_.head; ++j) sums[r * value_stride_ + j] *= factor;
    }
    for (size_t p = 0; p < Panels(in_.head); ++p) {
      AmxMultiply(weights_, 1, 0, values_ + p * chunk_values_, count, AmxParts{parts_, parts_},
                  sums + p * kAmxTokens, value_stride_);
    }
  }

  const PatchAttention& in_;
  const int parts_;               // of keys and values, and of queries and weights
  const size_t offset_, stride_;  // of the head in a row, and of rows
  const size_t first_query_, num_queries_, num_blocks_;
  const size_t value_stride_;                 // a row of sums
  const size_t query_values_, chunk_values_;  // 16-bit values of a packed block

  uint16_t *queries_, *keys_, *values_, *weights_;
  float *sums_, *maximum_, *total_, *scores_, *turned_;
};

CacheRows FloatRows(const float* rows, const PatchAttention& in) {
  return {TensorType::kF32, reinterpret_cast<const uint8_t*>(rows),
          in.num_heads * in.head * sizeof(float), in.head * sizeof(float)};
}

void AttendInFloats(const PatchAttention& in, int threads) {
  std::vector<uint32_t> cells(in.patches);
  std::iota(cells.begin(), cells.end(), 0u);
  const std::vector<int32_t> positions(cells.begin(), cells.end());
  AttentionInput input;
  input.queries = in.queries;
  input.count = in.patches;
  input.query_positions = positions;
  input.keys = FloatRows(in.keys, in);
  input.values = FloatRows(in.values, in);
  input.cells = cells;
  input.cell_positions = positions;
  input.num_heads = input.num_kv_heads = in.num_heads;
  input.key_length = input.value_length = in.head;
  input.scale = 1.0f / std::sqrt(static_cast<float>(in.head));
  input.is_causal = false;
  input.out = in.out;
  Attend(input, threads);
}

}  // namespace

void AttendPatches(const PatchAttention& input, ActivationType type, int threads) {
  if (!HasAmx()) return AttendInFloats(input, threads);
  const size_t parts = (Panels(input.patches) + kTaskBlocks - 1) / kTaskBlocks;
  (void)ParallelFor(parts * input.num_heads, threads, [&](uint64_t index, int) {
    Task task(input, type == ActivationType::kF32 ? 3 : 1, index / parts,
              index % parts * kTaskBlocks * kAmxRows);
    task.Run();
    return absl::OkStatus();
  });
}

}  // namespace gguf
#endif  // HWY_ONCE
