// SearchSignedByDescent of signed_search.h for one sub-block per SIMD lane.
//
// Most sub-blocks are done after one pass, few need five. So all get one pass, and those that moved
// wait until they fill the lanes of another.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DESCENT_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DESCENT_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DESCENT_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_DESCENT_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/signed_search-inl.h"
#include "quantize/encode/signed_search.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr size_t kDescentValues = 16;
inline constexpr int kDescentPasses = 5;
// A move is a long chain of dependent operations: four vectors of sub-blocks keep the units busy.
inline constexpr size_t kDescentVectors = 4;
inline constexpr size_t kDescentSlots = kDescentVectors * kMaxLanes;

// One sub-block per slot; value i of slot p is at [i * kDescentSlots + p].
struct DescentState {
  HWY_ALIGN float x[kDescentValues * kDescentSlots];
  HWY_ALIGN float l[kDescentValues * kDescentSlots];  // codes around 0
  HWY_ALIGN float xl[kDescentSlots];                  // sum w*x*l
  HWY_ALIGN float l2[kDescentSlots];                  // sum w*l*l
  HWY_ALIGN float moved[kDescentSlots];               // not 0: in the last pass
  HWY_ALIGN float scale[kDescentSlots];
};

// Moves value i of the sub-blocks in slots p, p + 1, ... where that is better.
template <class DF>
HWY_INLINE void DescendOne(DF df, size_t i, size_t p, DescentState& state) {
  const auto zero = hn::Zero(df);
  float* HWY_RESTRICT l = state.l + i * kDescentSlots + p;
  const auto x = hn::LoadU(df, state.x + i * kDescentSlots + p);
  const auto old = hn::LoadU(df, l);
  const auto w = hn::Mul(x, x);
  const auto wx = hn::Mul(w, x);
  const auto xl = hn::LoadU(df, state.xl + p);
  const auto l2 = hn::LoadU(df, state.l2 + p);
  const auto rest_xl = hn::Sub(xl, hn::Mul(wx, old));
  const auto rest_l2 = hn::Sub(l2, hn::Mul(hn::Mul(w, old), old));
  const auto optimum = hn::Div(hn::Mul(x, rest_l2), rest_xl);
  const auto fresh = SignedCodeLanes<4, Rounding::kAnything>(df, optimum);
  const auto new_xl = hn::Add(rest_xl, hn::Mul(wx, fresh));
  const auto new_l2 = hn::Add(rest_l2, hn::Mul(hn::Mul(w, fresh), fresh));
  const auto better =
      hn::Gt(hn::Mul(hn::Mul(new_xl, new_xl), l2), hn::Mul(hn::Mul(xl, xl), new_l2));
  const auto possible = hn::And(hn::Gt(rest_xl, zero), hn::Gt(new_l2, zero));
  const auto moves = hn::And(possible, hn::AndNot(hn::Eq(fresh, old), better));
  hn::StoreU(hn::IfThenElse(moves, fresh, old), df, l);
  hn::StoreU(hn::IfThenElse(moves, new_xl, xl), df, state.xl + p);
  hn::StoreU(hn::IfThenElse(moves, new_l2, l2), df, state.l2 + p);
  const auto moved = hn::LoadU(df, state.moved + p);
  hn::StoreU(hn::IfThenElse(moves, hn::Set(df, 1.0f), moved), df, state.moved + p);
}

// One pass over the slots below num_vectors * lanes, and their scales after it.
template <class DF>
HWY_INLINE void DescentPass(DF df, size_t num_vectors, DescentState& state) {
  const size_t slots = num_vectors * hn::Lanes(df);
  for (size_t p = 0; p < slots; p += hn::Lanes(df)) {
    hn::StoreU(hn::Zero(df), df, state.moved + p);
  }
  for (size_t i = 0; i < kDescentValues; ++i) {
    for (size_t p = 0; p < slots; p += hn::Lanes(df)) DescendOne(df, i, p, state);
  }
  for (size_t p = 0; p < slots; p += hn::Lanes(df)) {
    const auto l2 = hn::LoadU(df, state.l2 + p);
    const auto scale = hn::Div(hn::LoadU(df, state.xl + p), l2);
    hn::StoreU(hn::IfThenElseZero(hn::Gt(l2, hn::Zero(df)), scale), df, state.scale + p);
  }
}

// First codes and sums of one sub-block per lane, contiguous at x, in slots p, p + 1, ....
template <class DF>
HWY_INLINE void DescentStart(DF df, const float* HWY_RESTRICT x, size_t p, DescentState& state) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float xt[kDescentValues * kMaxLanes];
  LoadBlocksToLanes(df, x, kDescentValues, lanes, kDescentValues, xt);
  hn::Vec<DF> largest, magnitude;
  FirstLargestLanes(df, kDescentValues, xt, largest, magnitude);
  const auto inverse = hn::Div(hn::Set(df, -4.0f), largest);
  // Tiny sub-blocks have scale 0: zeros in their place give that, and never move.
  const auto tiny = hn::Lt(magnitude, hn::Set(df, kTinyMagnitude));
  auto xl = hn::Zero(df), l2 = hn::Zero(df);
  for (size_t i = 0; i < kDescentValues; ++i) {
    const auto v = hn::IfThenZeroElse(tiny, hn::LoadU(df, xt + i * lanes));
    const auto code = hn::IfThenZeroElse(
        tiny, SignedCodeLanes<4, Rounding::kReachesTop>(df, hn::Mul(inverse, v)));
    const auto w = hn::Mul(v, v);
    xl = hn::Add(xl, hn::Mul(hn::Mul(w, v), code));
    l2 = hn::Add(l2, hn::Mul(hn::Mul(w, code), code));
    hn::StoreU(v, df, state.x + i * kDescentSlots + p);
    hn::StoreU(code, df, state.l + i * kDescentSlots + p);
  }
  hn::StoreU(xl, df, state.xl + p);
  hn::StoreU(l2, df, state.l2 + p);
}

// Scales of a run of sub-blocks.
class DescentSearch {
 public:
  // x: num_sub_blocks (a multiple of the lanes) * 16 values.
  HWY_INLINE void Run(const float* HWY_RESTRICT x, size_t num_sub_blocks,
                      float* HWY_RESTRICT scales) {
    const LaneTag df;
    const size_t lanes = hn::Lanes(df);
    for (size_t s = 0; s < num_sub_blocks; s += kDescentVectors * lanes) {
      const size_t vectors = HWY_MIN(kDescentVectors, (num_sub_blocks - s) / lanes);
      for (size_t u = 0; u < vectors; ++u) {
        DescentStart(df, x + (s + u * lanes) * kDescentValues, u * lanes, fresh_);
      }
      DescentPass(df, vectors, fresh_);
      for (size_t p = 0; p < vectors * lanes; ++p) {
        scales[s + p] = fresh_.scale[p];
        if (fresh_.moved[p] == 0.0f) continue;
        CopySlot(fresh_, p, waiting_, num_waiting_);
        sub_block_[num_waiting_] = s + p;
        passes_[num_waiting_] = 1;
        ++num_waiting_;
        while (num_waiting_ == kDescentVectors * lanes) PassOverWaiting(df, scales);
      }
    }
    while (num_waiting_ > 0) PassOverWaiting(df, scales);
  }

 private:
  static HWY_INLINE void CopySlot(const DescentState& from, size_t from_slot, DescentState& to,
                                  size_t to_slot) {
    for (size_t i = 0; i < kDescentValues * kDescentSlots; i += kDescentSlots) {
      to.x[i + to_slot] = from.x[i + from_slot];
      to.l[i + to_slot] = from.l[i + from_slot];
    }
    to.xl[to_slot] = from.xl[from_slot];
    to.l2[to_slot] = from.l2[from_slot];
  }

  HWY_INLINE void PassOverWaiting(LaneTag df, float* HWY_RESTRICT scales) {
    DescentPass(df, hwy::DivCeil(num_waiting_, hn::Lanes(df)), waiting_);
    size_t kept = 0;
    for (size_t p = 0; p < num_waiting_; ++p) {
      const int passes = passes_[p] + 1;
      if (waiting_.moved[p] == 0.0f || passes == kDescentPasses) {
        scales[sub_block_[p]] = waiting_.scale[p];
        continue;
      }
      if (kept != p) CopySlot(waiting_, p, waiting_, kept);
      sub_block_[kept] = sub_block_[p];
      passes_[kept] = passes;
      ++kept;
    }
    num_waiting_ = kept;
  }

  DescentState fresh_ = {};
  DescentState waiting_ = {};
  size_t sub_block_[kDescentSlots];
  int passes_[kDescentSlots];
  size_t num_waiting_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
