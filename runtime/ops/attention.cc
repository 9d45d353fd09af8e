// A task takes one kv head and up to kTaskPanels panels of 32 lanes; a lane is one head of one
// token, so that all heads which share keys share their decoding. Cells come in chunks; the softmax
// is kept as a running maximum and sum, so memory does not grow with the context.

#include "runtime/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "formats/codec/codec.h"
#include "gguf/base/parallel.h"
#include "runtime/ops/gemm.h"
#include "runtime/ops/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "runtime/ops/gemm-inl.h"

#ifndef GGUF_ATTENTION_ONCE
#define GGUF_ATTENTION_ONCE
namespace gguf {
inline constexpr size_t kTaskPanels = 4;
inline constexpr size_t kChunkCells = 128;
// Below any score, and finite: differences of masked scores stay numbers. What a chunk without a
// visible key adds is wiped out by the first visible one, whose maximum is so much larger.
inline constexpr float kMasked = -1e30f;

// One panel's running state and its lanes' queries.
struct AttentionPanel {
  float* queries;  // [key_length][32], scaled
  float* sums;     // [value_length][32]
  float* maximum;  // [32]
  float* total;    // [32]
  float* oldest;   // [32] positions that the lane's token sees: from `oldest`
  float* newest;   // [32] to `newest`; neither falls from lane to lane
  size_t lanes;
};
}  // namespace gguf
#endif  // GGUF_ATTENTION_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;

// scores [cells][32] of one chunk: capped, masked, then turned into weights against the running
// maximum, which moves. correction [32]: what earlier sums must be multiplied by.
void SoftmaxChunk(const AttentionInput& in, const float* positions, size_t cells,
                  const AttentionPanel& panel, float* scores, float* correction) {
  const DF d;
  const size_t lanes = hn::Lanes(d);
  const auto masked = hn::Set(d, kMasked);
  for (size_t m = 0; m < panel.lanes; m += lanes) {
    const auto oldest = hn::Load(d, panel.oldest + m);
    const auto newest = hn::Load(d, panel.newest + m);
    const auto old_maximum = hn::Load(d, panel.maximum + m);
    auto maximum = old_maximum;
    for (size_t t = 0; t < cells; ++t) {
      float* at = scores + t * kGemmLanes + m;
      auto score = hn::Load(d, at);
      if (in.cap > 0.0f) {
        score = hn::Mul(hn::Set(d, in.cap), hn::Tanh(d, hn::Mul(score, hn::Set(d, 1 / in.cap))));
      }
      if (in.is_causal) {
        const auto key = hn::Set(d, positions[t]);
        score = hn::IfThenElse(hn::And(hn::Le(key, newest), hn::Ge(key, oldest)), score, masked);
      }
      maximum = hn::Max(maximum, score);
      hn::Store(score, d, at);
    }
    auto total = hn::Zero(d);
    for (size_t t = 0; t < cells; ++t) {
      float* at = scores + t * kGemmLanes + m;
      const auto weight = hn::Exp(d, hn::Sub(hn::Load(d, at), maximum));
      total = hn::Add(total, weight);
      hn::Store(weight, d, at);
    }
    const auto factor = hn::Exp(d, hn::Sub(old_maximum, maximum));
    hn::Store(factor, d, correction + m);
    hn::Store(maximum, d, panel.maximum + m);
    hn::Store(hn::MulAdd(hn::Load(d, panel.total + m), factor, total), d, panel.total + m);
  }
}

void AttendChunk(const AttentionInput& in, const float* keys, const float* values,
                 const float* positions, size_t cells, const AttentionPanel& panel, float* scores) {
  std::fill_n(scores, cells * kGemmLanes, 0.0f);
  MultiplyPanel({keys, in.key_length, 1}, cells, panel.queries, in.key_length, scores, kGemmLanes,
                panel.lanes);
  HWY_ALIGN float correction[kGemmLanes];
  SoftmaxChunk(in, positions, cells, panel, scores, correction);
  for (size_t j = 0; j < in.value_length; ++j) {
    for (size_t m = 0; m < panel.lanes; ++m) panel.sums[j * kGemmLanes + m] *= correction[m];
  }
  MultiplyPanel({values, 1, in.value_length}, in.value_length, scores, cells, panel.sums,
                kGemmLanes, panel.lanes);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

HWY_EXPORT(AttendChunk);

// What a token at `position` sees: positions from `begin` to before `end`. Neither end falls when
// the position grows.
PositionSpan SeenFrom(const AttentionInput& in, int32_t position) {
  const int64_t oldest = in.window == 0 ? 0 : int64_t{position} + 1 - in.window;
  PositionSpan seen = {static_cast<int32_t>(std::max<int64_t>(0, oldest)), position + 1};
  for (const PositionSpan& span : in.spans) {
    if (position < span.begin || position >= span.end) continue;
    seen.begin = std::min(seen.begin, span.begin);
    seen.end = span.end;
  }
  return seen;
}

float* ThreadScratch(size_t count) {
  thread_local Scratch scratch;
  return scratch.Get(count);
}

// A task's panels and buffers, laid out in one piece of scratch.
class Task {
 public:
  Task(const AttentionInput& in, size_t kv_head, size_t first_lane)
      : in_(in), kv_head_(kv_head), group_(in.num_heads / in.num_kv_heads) {
    const size_t num_lanes = std::min(in.count * group_ - first_lane, kTaskPanels * kGemmLanes);
    const size_t num_panels = (num_lanes + kGemmLanes - 1) / kGemmLanes;
    const size_t panel_floats = (in.key_length + in.value_length + 4) * kGemmLanes;
    const size_t chunk_floats = kChunkCells * (in.key_length + in.value_length + kGemmLanes + 1);
    float* next = ThreadScratch(num_panels * panel_floats + chunk_floats + 64);
    const auto take = [&next](size_t count) {
      float* taken = next;
      next += (count + 15) / 16 * 16;
      return taken;
    };
    for (size_t p = 0; p < num_panels; ++p) {
      AttentionPanel& panel = panels_.emplace_back();
      panel.queries = take(in.key_length * kGemmLanes);
      panel.sums = take(in.value_length * kGemmLanes);
      panel.maximum = take(kGemmLanes);
      panel.total = take(kGemmLanes);
      panel.oldest = take(kGemmLanes);
      panel.newest = take(kGemmLanes);
      FillPanel(first_lane + p * kGemmLanes, &panel);
    }
    scores_ = take(kChunkCells * kGemmLanes);
    positions_ = take(kChunkCells);
    keys_ = take(kChunkCells * in.key_length);
    values_ = take(kChunkCells * in.value_length);
  }

  void Run() {
    for (size_t first = 0; first < in_.cells.size(); first += kChunkCells) {
      const size_t count = std::min(kChunkCells, in_.cells.size() - first);
      bool is_decoded = false;
      for (const AttentionPanel& panel : panels_) {
        if (!Sees(panel, first, count)) continue;
        if (!is_decoded) Decode(first, count);
        is_decoded = true;
        HWY_DYNAMIC_DISPATCH(AttendChunk)(in_, keys_, values_, positions_, count, panel, scores_);
      }
    }
    size_t lane = first_lane_;
    for (const AttentionPanel& panel : panels_) {
      StorePanel(panel, lane);
      lane += kGemmLanes;
    }
  }

 private:
  size_t Head(size_t lane) const { return kv_head_ * group_ + lane % group_; }

  void FillPanel(size_t first_lane, AttentionPanel* panel) {
    if (panels_.size() == 1) first_lane_ = first_lane;
    panel->lanes = std::min(kGemmLanes, in_.count * group_ - first_lane);
    for (size_t m = 0; m < kGemmLanes; ++m) {
      const size_t lane = first_lane + std::min(m, panel->lanes - 1);  // padding repeats the last
      const float* query =
          in_.queries + (lane / group_ * in_.num_heads + Head(lane)) * in_.key_length;
      for (size_t k = 0; k < in_.key_length; ++k) {
        panel->queries[k * kGemmLanes + m] = query[k] * in_.scale;
      }
      const PositionSpan seen = SeenFrom(in_, in_.query_positions[lane / group_]);
      panel->oldest[m] = static_cast<float>(seen.begin);
      panel->newest[m] = static_cast<float>(seen.end - 1);
      panel->maximum[m] = kMasked;
      panel->total[m] = 0.0f;
    }
    std::fill_n(panel->sums, in_.value_length * kGemmLanes, 0.0f);
  }

  // Whether any key of the chunk may be visible to any lane.
  bool Sees(const AttentionPanel& panel, size_t first, size_t count) const {
    if (!in_.is_causal) return true;
    const float oldest = static_cast<float>(in_.cell_positions[first]);
    const float newest = static_cast<float>(in_.cell_positions[first + count - 1]);
    return oldest <= panel.newest[kGemmLanes - 1] && newest >= panel.oldest[0];
  }

  void Decode(size_t first, size_t count) {
    const auto decode_keys = CodecOf(in_.keys.type).decode;
    const auto decode_values = CodecOf(in_.values.type).decode;
    for (size_t t = 0; t < count; ++t) {
      const size_t cell = in_.cells[first + t];
      positions_[t] = static_cast<float>(in_.cell_positions[first + t]);
      decode_keys(in_.keys.data + cell * in_.keys.row_bytes + kv_head_ * in_.keys.head_bytes,
                  in_.key_length, keys_ + t * in_.key_length);
      decode_values(
          in_.values.data + cell * in_.values.row_bytes + kv_head_ * in_.values.head_bytes,
          in_.value_length, values_ + t * in_.value_length);
    }
  }

  void StorePanel(const AttentionPanel& panel, size_t first_lane) {
    for (size_t m = 0; m < panel.lanes; ++m) {
      const size_t lane = first_lane + m;
      float total = panel.total[m];
      float factor = 1.0f;
      if (in_.sinks != nullptr) {
        const float sink = in_.sinks[Head(lane)];
        const float maximum = std::max(panel.maximum[m], sink);
        factor = std::exp(panel.maximum[m] - maximum);
        total = total * factor + std::exp(sink - maximum);
      }
      factor /= total;
      float* out = in_.out + (lane / group_ * in_.num_heads + Head(lane)) * in_.value_length;
      for (size_t j = 0; j < in_.value_length; ++j) {
        out[j] = panel.sums[j * kGemmLanes + m] * factor;
      }
    }
  }

  const AttentionInput& in_;
  const size_t kv_head_;
  const size_t group_;
  size_t first_lane_ = 0;
  std::vector<AttentionPanel> panels_;
  float* scores_;
  float* positions_;
  float* keys_;
  float* values_;
};

}  // namespace

void Attend(const AttentionInput& input, int threads) {
  const size_t lanes = input.count * (input.num_heads / input.num_kv_heads);
  const size_t parts = (lanes + kTaskPanels * kGemmLanes - 1) / (kTaskPanels * kGemmLanes);
  (void)ParallelFor(parts * input.num_kv_heads, threads, [&](uint64_t index, int) {
    Task task(input, index / parts, index % parts * kTaskPanels * kGemmLanes);
    task.Run();
    return absl::OkStatus();
  });
}

void AttendReference(const AttentionInput& in) {
  const size_t group = in.num_heads / in.num_kv_heads;
  std::vector<float> key(in.key_length), value(in.value_length);
  for (size_t i = 0; i < in.count; ++i) {
    for (size_t h = 0; h < in.num_heads; ++h) {
      const float* query = in.queries + (i * in.num_heads + h) * in.key_length;
      const int32_t position = in.query_positions[i];
      const auto sees = [&](int32_t other) {
        for (const PositionSpan& span : in.spans) {
          if (position >= span.begin && position < span.end && other >= span.begin &&
              other < span.end) {
            return true;
          }
        }
        const int64_t age = int64_t{position} - other;
        return age >= 0 && (in.window == 0 || age < in.window);
      };
      double total = in.sinks == nullptr ? 0.0 : std::exp(double{in.sinks[h]});
      std::vector<double> sums(in.value_length);
      for (size_t t = 0; t < in.cells.size(); ++t) {
        if (in.is_causal && !sees(in.cell_positions[t])) continue;
        const size_t kv_head = h / group;
        CodecOf(in.keys.type)
            .decode_reference(
                in.keys.data + in.cells[t] * in.keys.row_bytes + kv_head * in.keys.head_bytes,
                in.key_length, key.data());
        CodecOf(in.values.type)
            .decode_reference(
                in.values.data + in.cells[t] * in.values.row_bytes + kv_head * in.values.head_bytes,
                in.value_length, value.data());
        double score = 0.0;
        for (size_t k = 0; k < in.key_length; ++k) score += double{query[k]} * key[k];
        score *= in.scale;
        if (in.cap > 0.0f) score = in.cap * std::tanh(score / in.cap);
        const double weight = std::exp(score);
        total += weight;
        for (size_t j = 0; j < in.value_length; ++j) sums[j] += weight * value[j];
      }
      float* out = in.out + (i * in.num_heads + h) * in.value_length;
      for (size_t j = 0; j < in.value_length; ++j) out[j] = static_cast<float>(sums[j] / total);
    }
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
