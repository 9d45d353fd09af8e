// The search of iq1_search.h for one sub-block per SIMD lane.
//
// Transposed arrays hold value i of the sub-block in lane b at [i * Lanes(df) + b].
//
// The trials run in the scalar order, but a trial counts only above a floor near the best score,
// which a coarse pass finds: most lanes then accept a handful of trials instead of dozens. Where a
// lane's first accepted trial is above the floor by more than the rounding errors of the
// comparisons, the scalar search accepts it too, since all it has accepted before scores at or
// below the floor; from there on both are the same. Other lanes, and numbers so large or small that
// relative errors say nothing, go to the scalar search.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"
#include "quantize/encode/iq1_grid.h"
#include "quantize/encode/iq1_search.h"
#include "quantize/encode/signed_search-inl.h"
#include "quantize/encode/sort_network.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using LaneIntTag = hn::RebindToSigned<LaneTag>;
using LaneFloats = hn::Vec<LaneTag>;
using LaneInts = hn::Vec<LaneIntTag>;

// The floor is this much below the score of the coarse pass; lanes whose first accepted trial is
// not this much above the floor are in doubt.
inline constexpr float kFloorFactor = 1.0f - 0x1p-9f;
inline constexpr float kDoubtFactor = 1.0f + 0x1p-18f;

// Splits of the coarse pass: multiples of this.
inline constexpr size_t kCoarseStep = 2;

// Sums of a sub-block and its floor between these, and products with importance not below the last
// in magnitude unless zero: nothing overflows or becomes subnormal.
inline constexpr float kLargestSum = 0x1p60f;
inline constexpr float kSmallestSum = 0x1p-100f;
inline constexpr float kSmallestProduct = 0x1p-110f;

inline constexpr int kNowhere = -1;
constexpr int WhereOf(int split1, int split2, int shifts) {
  return split1 << 16 | split2 << 8 | shifts;
}

// Sorts x; element[j] becomes the element that is now at j, equal ones in their order.
template <size_t kValues>
HWY_INLINE void SortLanes(LaneTag df, float* HWY_RESTRICT x, int32_t* HWY_RESTRICT element) {
  const LaneIntTag di;
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < kValues; ++i) {
    hn::StoreU(hn::Set(di, static_cast<int32_t>(i)), di, element + i * lanes);
  }
  for (size_t c = 0; c < kSortNetwork<kValues>.count; ++c) {
    const size_t a = kSortNetwork<kValues>.pairs[c][0] * lanes;
    const size_t b = kSortNetwork<kValues>.pairs[c][1] * lanes;
    const auto xa = hn::LoadU(df, x + a);
    const auto xb = hn::LoadU(df, x + b);
    const auto ea = hn::LoadU(di, element + a);
    const auto eb = hn::LoadU(di, element + b);
    const auto tie = hn::And(hn::RebindMask(di, hn::Eq(xa, xb)), hn::Gt(ea, eb));
    const auto swap = hn::Or(hn::RebindMask(di, hn::Gt(xa, xb)), tie);
    hn::StoreU(hn::Min(xa, xb), df, x + a);
    hn::StoreU(hn::Max(xa, xb), df, x + b);
    hn::StoreU(hn::IfThenElse(swap, eb, ea), di, element + a);
    hn::StoreU(hn::IfThenElse(swap, ea, eb), di, element + b);
  }
}

// Takes one trial into account; best, scale, where: score, scale and WhereOf the best one so far of
// every lane. doubt becomes nonzero in lanes that accept one at or below `limit`.
HWY_INLINE void TryLanes(LaneTag df, LaneFloats qx, LaneFloats q2, int where_now, LaneFloats limit,
                         LaneFloats& best, LaneFloats& scale, LaneInts& where, LaneInts& doubt) {
  const LaneIntTag di;
  const auto better = hn::And(hn::Gt(q2, hn::Zero(df)), hn::Gt(hn::Mul(qx, qx), hn::Mul(best, q2)));
  const auto trial = hn::Div(qx, q2);
  const auto score = hn::Mul(trial, qx);
  const auto unsure = hn::And(better, hn::Not(hn::Gt(score, limit)));
  best = hn::IfThenElse(better, score, best);
  scale = hn::IfThenElse(better, trial, scale);
  where = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, where_now), where);
  doubt = hn::Or(doubt, hn::VecFromMask(di, hn::RebindMask(di, unsure)));
}

// About the score of a trial; `best` when that is larger or the score is NaN.
HWY_INLINE LaneFloats CoarseBest(LaneFloats qx, LaneFloats q2, LaneFloats best) {
  return hn::Max(hn::Mul(hn::Mul(qx, qx), hn::ApproximateReciprocal(q2)), best);
}

HWY_INLINE hn::Mask<LaneTag> MayBeBetter(LaneFloats qx, LaneFloats q2, LaneFloats best) {
  return hn::Gt(hn::Mul(qx, qx), hn::Mul(best, q2));
}

// Prefix sums in sorted order and products of them with levels, for the splits at 0..32.
struct SplitSums {
  static constexpr size_t kCells = 33 * kMaxLanes;
  HWY_ALIGN float x[kCells];         // sum of w*x
  HWY_ALIGN float w[kCells];         // sum of w
  HWY_ALIGN float x_mid[kCells];     // an eighth of x
  HWY_ALIGN float w_mid[kCells];     // 1/64 of w
  HWY_ALIGN float x_top[2][kCells];  // the sum of w*x from here on times the level 2 of the shift
  HWY_ALIGN float w_top[2][kCells];  // the sum of w times its square
};

HWY_INLINE void FillSplitSums(LaneTag df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                              SplitSums& sums) {
  const size_t lanes = hn::Lanes(df);
  const size_t cells = 32 * lanes;
  auto sx = hn::Zero(df), sw = hn::Zero(df);
  hn::StoreU(sx, df, sums.x);
  hn::StoreU(sw, df, sums.w);
  for (size_t i = 0; i < cells; i += lanes) {
    const auto weight = hn::LoadU(df, w + i);
    sx = hn::Add(sx, hn::Mul(weight, hn::LoadU(df, x + i)));
    sw = hn::Add(sw, weight);
    hn::StoreU(sx, df, sums.x + i + lanes);
    hn::StoreU(sw, df, sums.w + i + lanes);
  }
  const auto eighth = hn::Set(df, 0.125f);
  const auto part = hn::Set(df, 0.015625f);
  for (size_t i = 0; i <= cells; i += lanes) {
    const auto x_here = hn::LoadU(df, sums.x + i);
    const auto w_here = hn::LoadU(df, sums.w + i);
    hn::StoreU(hn::Mul(x_here, eighth), df, sums.x_mid + i);
    hn::StoreU(hn::Mul(w_here, part), df, sums.w_mid + i);
    for (size_t shift = 0; shift < 2; ++shift) {
      const auto top = hn::Set(df, kIq1Levels[shift][2]);
      const auto w_rest = hn::Sub(sw, w_here);
      hn::StoreU(hn::Mul(hn::Sub(sx, x_here), top), df, sums.x_top[shift] + i);
      hn::StoreU(hn::Mul(hn::Mul(w_rest, top), top), df, sums.w_top[shift] + i);
    }
  }
}

// All splits of IQ1_S (kCoarse: some), with both shifts. Level 1 is the same eighth up and down.
template <bool kCoarse>
HWY_INLINE void SearchSplitsS(LaneTag df, const SplitSums& sums, LaneFloats limit, LaneFloats& best,
                              LaneFloats& scale, LaneInts& where, LaneInts& doubt) {
  const size_t lanes = hn::Lanes(df);
  constexpr size_t kStep = kCoarse ? kCoarseStep : 1;
  const auto bottom0 = hn::Set(df, kIq1Levels[0][0]);
  const auto bottom1 = hn::Set(df, kIq1Levels[1][0]);
  for (size_t i1 = 0; i1 <= 32; i1 += kStep) {
    const auto sx = hn::LoadU(df, sums.x + i1 * lanes);
    const auto sw = hn::LoadU(df, sums.w + i1 * lanes);
    const auto x_mid = hn::LoadU(df, sums.x_mid + i1 * lanes);
    const auto w_mid = hn::LoadU(df, sums.w_mid + i1 * lanes);
    const auto x0 = hn::Mul(sx, bottom0);
    const auto x1 = hn::Mul(sx, bottom1);
    const auto w0 = hn::Mul(hn::Mul(sw, bottom0), bottom0);
    const auto w1 = hn::Mul(hn::Mul(sw, bottom1), bottom1);
    for (size_t i2 = i1; i2 <= 32; i2 += kStep) {
      const size_t at = i2 * lanes;
      const auto xm = hn::Sub(hn::LoadU(df, sums.x_mid + at), x_mid);
      const auto wm = hn::Sub(hn::LoadU(df, sums.w_mid + at), w_mid);
      const auto qx0 = hn::Add(hn::Add(x0, xm), hn::LoadU(df, sums.x_top[0] + at));
      const auto qx1 = hn::Add(hn::Sub(x1, xm), hn::LoadU(df, sums.x_top[1] + at));
      const auto q20 = hn::Add(hn::Add(w0, wm), hn::LoadU(df, sums.w_top[0] + at));
      const auto q21 = hn::Add(hn::Add(w1, wm), hn::LoadU(df, sums.w_top[1] + at));
      if constexpr (kCoarse) {
        best = CoarseBest(qx0, q20, best);
        best = CoarseBest(qx1, q21, best);
      } else {
        if (hn::AllFalse(df, hn::Or(MayBeBetter(qx0, q20, best), MayBeBetter(qx1, q21, best)))) {
          continue;
        }
        TryLanes(df, qx0, q20, WhereOf(i1, i2, 0), limit, best, scale, where, doubt);
        TryLanes(df, qx1, q21, WhereOf(i1, i2, 1), limit, best, scale, where, doubt);
      }
    }
  }
}

// Terms of the sums of IQ1_M: of the element at j with level l, for the four pairs of shifts, w*v*x
// then w*v*v, at [((l * 16 + j) * 8 + k) * Lanes(df)].
inline constexpr size_t kTerms = 8;
struct SplitTerms {
  HWY_ALIGN float cells[3 * 16 * kTerms * kMaxLanes];
};

HWY_INLINE void FillSplitTerms(LaneTag df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                               const int32_t* HWY_RESTRICT element, SplitTerms& terms) {
  const LaneIntTag di;
  const size_t lanes = hn::Lanes(df);
  float* HWY_RESTRICT to = terms.cells;
  for (size_t level = 0; level < 3; ++level) {
    const auto up = hn::Set(df, kIq1Levels[0][level]);
    const auto down = hn::Set(df, kIq1Levels[1][level]);
    for (size_t j = 0; j < 16; ++j, to += kTerms * lanes) {
      const auto e = hn::LoadU(di, element + j * lanes);
      const auto second_half = hn::RebindMask(df, hn::Gt(e, hn::Set(di, 7)));
      const auto value = hn::LoadU(df, x + j * lanes);
      const auto weight = hn::LoadU(df, w + j * lanes);
      const auto w_up = hn::Mul(weight, up);
      const auto w_down = hn::Mul(weight, down);
      const auto x_up = hn::Mul(w_up, value);
      const auto x_down = hn::Mul(w_down, value);
      const auto q_up = hn::Mul(w_up, up);
      const auto q_down = hn::Mul(w_down, down);
      hn::StoreU(x_up, df, to);
      hn::StoreU(hn::IfThenElse(second_half, x_down, x_up), df, to + lanes);
      hn::StoreU(hn::IfThenElse(second_half, x_up, x_down), df, to + 2 * lanes);
      hn::StoreU(x_down, df, to + 3 * lanes);
      hn::StoreU(q_up, df, to + 4 * lanes);
      hn::StoreU(hn::IfThenElse(second_half, q_down, q_up), df, to + 5 * lanes);
      hn::StoreU(hn::IfThenElse(second_half, q_up, q_down), df, to + 6 * lanes);
      hn::StoreU(q_down, df, to + 7 * lanes);
    }
  }
}

// Adds the terms of one element.
HWY_INLINE void AddTerms(LaneTag df, const float* HWY_RESTRICT terms, LaneFloats& x0,
                         LaneFloats& x1, LaneFloats& x2, LaneFloats& x3, LaneFloats& q0,
                         LaneFloats& q1, LaneFloats& q2, LaneFloats& q3) {
  const size_t lanes = hn::Lanes(df);
  x0 = hn::Add(x0, hn::LoadU(df, terms));
  x1 = hn::Add(x1, hn::LoadU(df, terms + lanes));
  x2 = hn::Add(x2, hn::LoadU(df, terms + 2 * lanes));
  x3 = hn::Add(x3, hn::LoadU(df, terms + 3 * lanes));
  q0 = hn::Add(q0, hn::LoadU(df, terms + 4 * lanes));
  q1 = hn::Add(q1, hn::LoadU(df, terms + 5 * lanes));
  q2 = hn::Add(q2, hn::LoadU(df, terms + 6 * lanes));
  q3 = hn::Add(q3, hn::LoadU(df, terms + 7 * lanes));
}

// All splits of IQ1_M (kCoarse: some), with the four pairs of shifts. The sums up to the second
// split are common to the splits that begin like this one.
template <bool kCoarse>
HWY_INLINE void SearchSplitsM(LaneTag df, const SplitTerms& terms, LaneFloats limit,
                              LaneFloats& best, LaneFloats& scale, LaneInts& where,
                              LaneInts& doubt) {
  const size_t stride = kTerms * hn::Lanes(df);
  const float* HWY_RESTRICT bottom = terms.cells;
  const float* HWY_RESTRICT middle = bottom + 16 * stride;
  const float* HWY_RESTRICT top = middle + 16 * stride;
  const auto zero = hn::Zero(df);
  for (size_t i1 = 0; i1 <= 16; i1 += kCoarse ? kCoarseStep : 1) {
    auto x0 = zero, x1 = zero, x2 = zero, x3 = zero, q0 = zero, q1 = zero, q2 = zero, q3 = zero;
    for (size_t j = 0; j < i1; ++j) {
      AddTerms(df, bottom + j * stride, x0, x1, x2, x3, q0, q1, q2, q3);
    }
    for (size_t i2 = i1; i2 <= 16; ++i2) {
      if (i2 != i1) AddTerms(df, middle + (i2 - 1) * stride, x0, x1, x2, x3, q0, q1, q2, q3);
      if (kCoarse && (i2 - i1) % kCoarseStep != 0) continue;
      auto a0 = x0, a1 = x1, a2 = x2, a3 = x3, b0 = q0, b1 = q1, b2 = q2, b3 = q3;
      for (size_t j = i2; j < 16; ++j) {
        AddTerms(df, top + j * stride, a0, a1, a2, a3, b0, b1, b2, b3);
      }
      if constexpr (kCoarse) {
        best = CoarseBest(a0, b0, best);
        best = CoarseBest(a1, b1, best);
        best = CoarseBest(a2, b2, best);
        best = CoarseBest(a3, b3, best);
      } else {
        const auto may01 = hn::Or(MayBeBetter(a0, b0, best), MayBeBetter(a1, b1, best));
        if (!hn::AllFalse(df, may01)) {
          TryLanes(df, a0, b0, WhereOf(i1, i2, 0), limit, best, scale, where, doubt);
          TryLanes(df, a1, b1, WhereOf(i1, i2, 1), limit, best, scale, where, doubt);
        }
        // Against the best score by now, which rounding can make less than it was.
        if (!hn::AllFalse(df, hn::Or(MayBeBetter(a2, b2, best), MayBeBetter(a3, b3, best)))) {
          TryLanes(df, a2, b2, WhereOf(i1, i2, 2), limit, best, scale, where, doubt);
          TryLanes(df, a3, b3, WhereOf(i1, i2, 3), limit, best, scale, where, doubt);
        }
      }
    }
  }
}

// Lanes whose numbers are neither so large nor so small that the argument above fails; `nothing`
// becomes the lanes where all weights are zero or all values tiny.
template <size_t kValues>
HWY_INLINE hn::Mask<LaneTag> CheckLanes(LaneTag df, const float* HWY_RESTRICT x,
                                        const float* HWY_RESTRICT w, float tiny, LaneFloats& sum,
                                        hn::Mask<LaneTag>& nothing) {
  const size_t lanes = hn::Lanes(df);
  const auto zero = hn::Zero(df);
  const auto huge = hn::Set(df, kLargestSum);
  auto least = huge, most = zero;
  sum = zero;
  for (size_t i = 0; i < kValues * lanes; i += lanes) {
    const auto weight = hn::LoadU(df, w + i);
    const auto product = hn::Abs(hn::Mul(weight, hn::LoadU(df, x + i)));
    sum = hn::Add(sum, weight);
    most = hn::Max(most, product);
    least = hn::Min(least, hn::IfThenElse(hn::Gt(weight, zero), weight, huge));
    least = hn::Min(least, hn::IfThenElse(hn::Gt(product, zero), product, huge));
  }
  // The values are sorted.
  const auto magnitude =
      hn::Max(hn::Abs(hn::LoadU(df, x)), hn::Abs(hn::LoadU(df, x + (kValues - 1) * lanes)));
  nothing = hn::Or(hn::Lt(magnitude, hn::Set(df, tiny)), hn::Eq(sum, zero));
  const auto total = hn::Set(df, kLargestSum / static_cast<float>(kValues));
  const auto ordinary =
      hn::And(hn::And(hn::Ge(sum, hn::Set(df, kSmallestSum)), hn::Le(sum, huge)),
              hn::And(hn::Ge(least, hn::Set(df, kSmallestProduct)), hn::Le(most, total)));
  return hn::And(ordinary, hn::Not(nothing));
}

// The search of sorted lanes: scale and where (kNowhere in lanes left to the scalar search or
// without anything to find; `nothing` tells the latter).
template <size_t kValues>
HWY_INLINE void SearchLanes(LaneTag df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                            const int32_t* HWY_RESTRICT element, float tiny, LaneFloats& scale,
                            LaneInts& where, LaneInts& nothing) {
  const LaneIntTag di;
  LaneFloats sum;
  hn::Mask<LaneTag> none;
  auto ordinary = CheckLanes<kValues>(df, x, w, tiny, sum, none);
  nothing = hn::VecFromMask(di, hn::RebindMask(di, none));
  where = hn::Set(di, kNowhere);
  scale = hn::Zero(df);
  if (hn::AllFalse(df, ordinary)) return;
  LaneInts doubt = hn::Zero(di);
  auto best = hn::Zero(df);
  auto limit = best;
  std::conditional_t<kValues == 32, SplitSums, SplitTerms> sums;
  if constexpr (kValues == 32) {
    FillSplitSums(df, x, w, sums);
    SearchSplitsS<true>(df, sums, limit, best, scale, where, doubt);
  } else {
    FillSplitTerms(df, x, w, element, sums);
    SearchSplitsM<true>(df, sums, limit, best, scale, where, doubt);
  }
  best = hn::Mul(best, hn::Set(df, kFloorFactor));
  const auto smallest = hn::Set(df, kSmallestSum);
  const auto in_range = hn::And(hn::Ge(best, smallest), hn::Le(best, hn::Set(df, kLargestSum)));
  ordinary = hn::And(ordinary, hn::And(in_range, hn::Ge(hn::Mul(best, sum), smallest)));
  best = hn::IfThenElse(ordinary, best, hn::Set(df, hwy::HighestValue<float>()));
  limit = hn::Mul(best, hn::Set(df, kDoubtFactor));
  if constexpr (kValues == 32) {
    SearchSplitsS<false>(df, sums, limit, best, scale, where, doubt);
  } else {
    SearchSplitsM<false>(df, sums, limit, best, scale, where, doubt);
  }
  const auto sure = hn::And(hn::RebindMask(di, ordinary), hn::Eq(doubt, hn::Zero(di)));
  where = hn::IfThenElse(sure, where, hn::Set(di, kNowhere));
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
