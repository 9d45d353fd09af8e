// RefineKBlock (k_refine.h) for one block of 256 values per SIMD lane. Every lane does the scalar
// operations in the scalar order; what only some lanes accept is masked.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_K_REFINE_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"
#include "quantize/encode/k_affine-inl.h"
#include "quantize/encode/refine/k_refine.h"
#include "quantize/encode/refine/stored_scale-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// KState of every lane: number j of an array of lane k is at [j * Lanes + k].
template <class Shape>
struct KLaneState {
  static constexpr size_t kMaxLanes = hn::MaxLanes(KFloats());

  HWY_ALIGN float d[kMaxLanes];
  HWY_ALIGN float dmin[kMaxLanes];
  HWY_ALIGN float error[kMaxLanes];
  HWY_ALIGN float scales[Shape::kSubBlocks * kMaxLanes];
  HWY_ALIGN float minimums[Shape::kSubBlocks * kMaxLanes];
  HWY_ALIGN float errors[Shape::kSubBlocks * kMaxLanes];
};

// KParabolas of every lane.
template <class Shape>
struct KLaneParabolas {
  static constexpr size_t kFloats = Shape::kSubBlocks * hn::MaxLanes(KFloats());

  HWY_ALIGN float l[kFloats];
  HWY_ALIGN float ll[kFloats];
  HWY_ALIGN float mean[kFloats];
  HWY_ALIGN float scale[kFloats];
  HWY_ALIGN float minimum[kFloats];
};

// KRounding of every lane.
template <class Shape>
struct KLaneRounding {
  HWY_INLINE KLaneRounding(FVec scale, FVec minimum) {
    const FMask positive = hn::Gt(scale, FSet(0.0f));
    unit = hn::IfThenElse(positive, scale, FSet(1.0f));
    inverse = hn::Div(FSet(1.0f), unit);
    base = hn::Mul(minimum, inverse);
    limit = hn::IfThenElseZero(positive, FSet(static_cast<float>(Shape::PlainSearch::kMaxCode)));
  }

  HWY_INLINE FVec Position(FVec x) const { return hn::Add(hn::Mul(x, inverse), base); }
  // hn::Min and hn::Max, as a position is never NaN in a lane that is used.
  HWY_INLINE FVec Code(FVec position) const {
    return RoundToIntegerLanes(hn::Min(hn::Max(position, FSet(0.0f)), limit));
  }

  FVec unit, inverse, base, limit;
};

// Lanes blocks. The values are in `input`, with value i of lane k at [i * Lanes + k].
template <class Shape>
struct KRefineGroup {
  static constexpr size_t kMaxLanes = hn::MaxLanes(KFloats());

  KGroup<Shape> input;
  HWY_ALIGN float weights[kKValues * kMaxLanes];
  HWY_ALIGN float sum_w[Shape::kSubBlocks * kMaxLanes];
  HWY_ALIGN float sum_wx[Shape::kSubBlocks * kMaxLanes];
  KLaneState<Shape> state;

  // The final codes of one sub-block, value by value.
  class CodesOfSubBlock {
   public:
    CodesOfSubBlock(const KRefineGroup& group, size_t j)
        : x_(group.input.x + j * Shape::kSubValues * hn::Lanes(KFloats())),
          rounding_(group.RoundingOf(group.state, j)) {}

    HWY_INLINE hn::Vec<KInts> operator()(size_t i) const {
      const FVec x = FLoad(x_ + i * hn::Lanes(KFloats()));
      return hn::ConvertTo(KInts(), rounding_.Code(rounding_.Position(x)));
    }

   private:
    const float* x_;
    KLaneRounding<Shape> rounding_;
  };

  CodesOfSubBlock Codes(size_t j) const { return CodesOfSubBlock(*this, j); }

  HWY_INLINE KLaneRounding<Shape> RoundingOf(const KLaneState<Shape>& of, size_t j) const {
    const size_t at = j * hn::Lanes(KFloats());
    return {hn::Mul(FLoad(of.d), FLoad(of.scales + at)),
            hn::Mul(FLoad(of.dmin), FLoad(of.minimums + at))};
  }
};

// SubBlockError with one scale and kCount minimums.
template <size_t kCount, class Shape>
HWY_INLINE void SubBlockErrorLanes(const KRefineGroup<Shape>& group, size_t j, FVec scale,
                                   const float* HWY_RESTRICT minimums, float* HWY_RESTRICT errors) {
  static_assert(kCount == 1 || kCount == 3, "as the sums below");
  const size_t lanes = hn::Lanes(KFloats());
  const float* HWY_RESTRICT px = group.input.x + j * Shape::kSubValues * lanes;
  const float* HWY_RESTRICT pw = group.weights + j * Shape::kSubValues * lanes;
  const KLaneRounding<Shape> rounding(scale, FLoad(minimums));
  const FVec base0 = rounding.base;
  const FVec base1 = kCount > 1 ? hn::Mul(FLoad(minimums + lanes), rounding.inverse) : base0;
  const FVec base2 = kCount > 2 ? hn::Mul(FLoad(minimums + 2 * lanes), rounding.inverse) : base0;
  FVec sum0 = FSet(0.0f), sum1 = sum0, sum2 = sum0;
  const auto add = [&](FVec ratio, FVec base, FVec w, FVec& sum) HWY_ATTR {
    const FVec position = hn::Add(ratio, base);
    const FVec error = hn::Sub(rounding.Code(position), position);
    sum = hn::Add(sum, hn::Mul(w, hn::Mul(error, error)));
  };
  for (size_t i = 0; i < Shape::kSubValues; ++i) {
    const FVec ratio = hn::Mul(FLoad(px + i * lanes), rounding.inverse);
    const FVec w = FLoad(pw + i * lanes);
    add(ratio, base0, w, sum0);
    if (kCount > 1) add(ratio, base1, w, sum1);
    if (kCount > 2) add(ratio, base2, w, sum2);
  }
  const FVec square = hn::Mul(rounding.unit, rounding.unit);
  FStore(hn::Mul(square, sum0), errors);
  if (kCount > 1) FStore(hn::Mul(square, sum1), errors + lanes);
  if (kCount > 2) FStore(hn::Mul(square, sum2), errors + 2 * lanes);
}

template <class Shape>
HWY_NOINLINE void MeasureKLanes(const KRefineGroup<Shape>& group, KLaneState<Shape>& state) {
  const size_t lanes = hn::Lanes(KFloats());
  HWY_ALIGN float minimum[hn::MaxLanes(KFloats())];
  FVec error = FSet(0.0f);
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const size_t at = j * lanes;
    FStore(hn::Mul(FLoad(state.dmin), FLoad(state.minimums + at)), minimum);
    SubBlockErrorLanes<1>(group, j, hn::Mul(FLoad(state.d), FLoad(state.scales + at)), minimum,
                          state.errors + at);
    error = hn::Add(error, FLoad(state.errors + at));
  }
  FStore(error, state.error);
}

// KNormal of every lane.
struct KLaneNormal {
  HWY_INLINE KLaneNormal() { aa = ab = bb = ax = bx = FSet(0.0f); }

  HWY_INLINE void Solve(float* HWY_RESTRICT d, float* HWY_RESTRICT dmin) const {
    const FVec product = hn::Mul(aa, bb);
    const FVec determinant = hn::Sub(product, hn::Mul(ab, ab));
    const FMask both = hn::Gt(determinant, hn::Mul(FSet(1e-6f), product));
    const FVec of_both = hn::Div(hn::Sub(hn::Mul(ax, bb), hn::Mul(ab, bx)), determinant);
    const FVec fitted_d = RoundToF16Lanes(hn::IfThenElse(both, of_both, hn::Div(ax, aa)));
    const FVec fitted =
        RoundToF16Lanes(hn::Div(hn::Sub(hn::Mul(ab, ax), hn::Mul(aa, bx)), determinant));
    const FVec fitted_dmin = hn::IfThenElse(both, fitted, FLoad(dmin));
    const FVec zero = FSet(0.0f), max = FSet(kF16Max);
    const FMask good = hn::And(hn::And(hn::Gt(fitted_d, zero), hn::Le(fitted_d, max)),
                               hn::And(hn::Ge(fitted_dmin, zero), hn::Le(fitted_dmin, max)));
    FStore(hn::IfThenElse(good, fitted_d, FLoad(d)), d);
    FStore(hn::IfThenElse(good, fitted_dmin, FLoad(dmin)), dmin);
  }

  FVec aa, ab, bb, ax, bx;
};

// The parabola of sub-block `j`, and its part of the normal equations.
template <class Shape>
HWY_INLINE void FitSubBlockLanes(const KRefineGroup<Shape>& group, const KLaneState<Shape>& state,
                                 size_t j, KLaneParabolas<Shape>& parabolas, KLaneNormal& normal) {
  const size_t lanes = hn::Lanes(KFloats());
  const size_t at = j * lanes;
  const float* HWY_RESTRICT px = group.input.x + j * Shape::kSubValues * lanes;
  const float* HWY_RESTRICT pw = group.weights + j * Shape::kSubValues * lanes;
  const KLaneRounding<Shape> rounding = group.RoundingOf(state, j);
  const FVec zero = FSet(0.0f);
  FVec l = zero, ll = zero, lx = zero;
  for (size_t i = 0; i < Shape::kSubValues; ++i) {
    const FVec x = FLoad(px + i * lanes);
    const FVec code = rounding.Code(rounding.Position(x));
    const FVec wl = hn::Mul(FLoad(pw + i * lanes), code);
    l = hn::Add(l, wl);
    ll = hn::Add(ll, hn::Mul(wl, code));
    lx = hn::Add(lx, hn::Mul(wl, x));
  }
  const FVec a = FLoad(state.scales + at), b = FLoad(state.minimums + at);
  const FVec w = FLoad(group.sum_w + at), wx = FLoad(group.sum_wx + at);
  const FVec product = hn::Mul(w, ll);
  const FVec determinant = hn::Sub(product, hn::Mul(l, l));
  const FMask fits = hn::Gt(determinant, hn::Mul(FSet(1e-6f), product));
  const FVec scale = hn::Div(hn::Sub(hn::Mul(w, lx), hn::Mul(l, wx)), determinant);
  const FVec minimum = hn::Div(hn::Sub(hn::Mul(l, lx), hn::Mul(ll, wx)), determinant);
  FStore(l, parabolas.l + at);
  FStore(ll, parabolas.ll + at);
  FStore(hn::IfThenElseZero(hn::Gt(w, zero), hn::Div(l, w)), parabolas.mean + at);
  FStore(hn::IfThenElse(fits, scale, hn::Mul(FLoad(state.d), a)), parabolas.scale + at);
  FStore(hn::IfThenElse(fits, minimum, hn::Mul(FLoad(state.dmin), b)), parabolas.minimum + at);
  normal.aa = hn::Add(normal.aa, hn::Mul(hn::Mul(a, a), ll));
  normal.ab = hn::Add(normal.ab, hn::Mul(hn::Mul(a, b), l));
  normal.bb = hn::Add(normal.bb, hn::Mul(hn::Mul(b, b), w));
  normal.ax = hn::Add(normal.ax, hn::Mul(a, lx));
  normal.bx = hn::Add(normal.bx, hn::Mul(b, wx));
}

template <class Shape>
HWY_NOINLINE void FitKLanes(const KRefineGroup<Shape>& group, KLaneState<Shape>& state,
                            KLaneParabolas<Shape>& parabolas) {
  KLaneNormal normal;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    FitSubBlockLanes(group, state, j, parabolas, normal);
  }
  KLaneState<Shape> fitted = state;
  normal.Solve(fitted.d, fitted.dmin);
  MeasureKLanes(group, fitted);
  TakeLanes(hn::Lt(FLoad(fitted.error), FLoad(state.error)), fitted, state);
}

// One scale of a sweep: `step` away from `old_scale`, with three minimums.
template <class Shape>
HWY_INLINE void TryScaleLanes(const KRefineGroup<Shape>& group, size_t j, FVec old_scale,
                              FVec old_minimum, FVec slope, int step, KLaneState<Shape>& state) {
  const size_t lanes = hn::Lanes(KFloats());
  const size_t at = j * lanes;
  const FVec zero = FSet(0.0f), max = FSet(static_cast<float>(Shape::kMaxSubCode));
  const FVec scale = LimitLanes(hn::Add(old_scale, FSet(static_cast<float>(step))), zero, max);
  const FVec shift = hn::Mul(hn::Sub(scale, old_scale), slope);
  const FVec middle =
      hn::Add(old_minimum, RoundToIntegerLanes(LimitLanes(shift, hn::Neg(max), max)));
  const FVec minimums[3] = {LimitLanes(hn::Sub(middle, FSet(1.0f)), zero, max),
                            LimitLanes(middle, zero, max),
                            LimitLanes(hn::Add(middle, FSet(1.0f)), zero, max)};
  HWY_ALIGN float stored[3 * hn::MaxLanes(KFloats())];
  HWY_ALIGN float errors[3 * hn::MaxLanes(KFloats())];
  const FVec dmin = FLoad(state.dmin);
  for (size_t k = 0; k < 3; ++k) FStore(hn::Mul(dmin, minimums[k]), stored + k * lanes);
  SubBlockErrorLanes<3>(group, j, hn::Mul(FLoad(state.d), scale), stored, errors);
  for (size_t k = 0; k < 3; ++k) {
    const FVec error = FLoad(errors + k * lanes);
    const FVec best = FLoad(state.errors + at);
    const FMask better = hn::Lt(error, best);
    FStore(hn::IfThenElse(better, error, best), state.errors + at);
    FStore(hn::IfThenElse(better, scale, FLoad(state.scales + at)), state.scales + at);
    FStore(hn::IfThenElse(better, minimums[k], FLoad(state.minimums + at)), state.minimums + at);
  }
}

template <class Shape>
HWY_NOINLINE void SweepKLanes(const KRefineGroup<Shape>& group, int reach,
                              const KLaneParabolas<Shape>& parabolas, KLaneState<Shape>& state) {
  const size_t lanes = hn::Lanes(KFloats());
  const FVec zero = FSet(0.0f);
  const FVec dmin = FLoad(state.dmin);
  const FVec ratio = hn::IfThenElseZero(hn::Gt(dmin, zero), hn::Div(FLoad(state.d), dmin));
  FVec error = zero;
  for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
    const FVec scale = FLoad(state.scales + j * lanes);
    const FVec minimum = FLoad(state.minimums + j * lanes);
    const FVec slope = hn::Mul(FLoad(parabolas.mean + j * lanes), ratio);
    for (int step = -reach; step <= reach; ++step) {
      TryScaleLanes(group, j, scale, minimum, slope, step, state);
    }
    error = hn::Add(error, FLoad(state.errors + j * lanes));
  }
  FStore(error, state.error);
}

// A pair of d and dmin, and their inverses.
struct KPairVec {
  HWY_INLINE KPairVec(FVec d, FVec dmin)
      : d(d),
        dmin(dmin),
        inverse_d(hn::Div(FSet(1.0f), d)),
        inverse_dmin(hn::Div(FSet(1.0f), dmin)) {}

  FVec d, dmin, inverse_d, inverse_dmin;
};

template <class Shape>
HWY_INLINE FVec NearestOnParabolaLanes(const KRefineGroup<Shape>& group,
                                       const KLaneParabolas<Shape>& parabolas, size_t j,
                                       const KPairVec& pair, FVec& scale, FVec& minimum) {
  const size_t at = j * hn::Lanes(KFloats());
  const FVec zero = FSet(0.0f), max = FSet(static_cast<float>(Shape::kMaxSubCode));
  const FVec lowest = FLoad(parabolas.scale + at), at_minimum = FLoad(parabolas.minimum + at);
  const FVec mean = FLoad(parabolas.mean + at), sum_w = FLoad(group.sum_w + at);
  const FVec l = FLoad(parabolas.l + at), ll = FLoad(parabolas.ll + at);
  const FVec below = RoundToIntegerLanes(
      LimitLanes(hn::Sub(hn::Mul(lowest, pair.inverse_d), FSet(0.5f)), zero, max));
  FVec best = zero;
  for (int k = 0; k < 2; ++k) {
    const FVec s = LimitLanes(hn::Add(below, FSet(static_cast<float>(k))), zero, max);
    const FVec ds = hn::Sub(hn::Mul(s, pair.d), lowest);
    const FVec target = hn::Mul(hn::Add(at_minimum, hn::Mul(mean, ds)), pair.inverse_dmin);
    const FVec m = RoundToIntegerLanes(LimitLanes(target, zero, max));
    const FVec dm = hn::Sub(hn::Mul(m, pair.dmin), at_minimum);
    const FVec rise = hn::Add(
        hn::Sub(hn::Mul(ll, hn::Mul(ds, ds)), hn::Mul(hn::Mul(FSet(2.0f), l), hn::Mul(ds, dm))),
        hn::Mul(sum_w, hn::Mul(dm, dm)));
    if (k == 0) {
      best = rise;
      scale = s;
      minimum = m;
    } else {
      const FMask better = hn::Lt(rise, best);
      best = hn::IfThenElse(better, rise, best);
      scale = hn::IfThenElse(better, s, scale);
      minimum = hn::IfThenElse(better, m, minimum);
    }
  }
  return best;
}

// Of KStart in every lane, what the choice needs.
struct KLaneStart {
  HWY_ALIGN float rise[hn::MaxLanes(KFloats())];
  HWY_ALIGN float d[hn::MaxLanes(KFloats())];
  HWY_ALIGN float dmin[hn::MaxLanes(KFloats())];
};

// Puts a start into the list where it belongs; the last one falls out.
template <int kStarts>
HWY_INLINE void InsertStartLanes(FVec rise, FVec d, FVec dmin, KLaneStart* starts) {
  for (int at = 0; at < kStarts; ++at) {
    const FVec old_rise = FLoad(starts[at].rise);
    const FMask better = hn::Lt(rise, old_rise);
    if (hn::AllFalse(KFloats(), better)) continue;
    const FVec old_d = FLoad(starts[at].d), old_dmin = FLoad(starts[at].dmin);
    FStore(hn::IfThenElse(better, rise, old_rise), starts[at].rise);
    FStore(hn::IfThenElse(better, d, old_d), starts[at].d);
    FStore(hn::IfThenElse(better, dmin, old_dmin), starts[at].dmin);
    rise = hn::IfThenElse(better, old_rise, rise);
    d = hn::IfThenElse(better, old_d, d);
    dmin = hn::IfThenElse(better, old_dmin, dmin);
  }
}

template <class Shape, class Search>
HWY_NOINLINE void ChooseStartLanes(const KRefineGroup<Shape>& group, const KLaneState<Shape>& state,
                                   const KLaneParabolas<Shape>& parabolas, KLaneStart* starts) {
  const FVec zero = FSet(0.0f), max = FSet(kF16Max);
  const FVec old_d = FLoad(state.d), old_dmin = FLoad(state.dmin);
  for (int k = 0; k < Search::kStarts; ++k) {
    FStore(FSet(FLT_MAX), starts[k].rise);
    FStore(old_d, starts[k].d);
    FStore(old_dmin, starts[k].dmin);
  }
  for (int i = 0; i < Search::kScaleFactors; ++i) {
    const FVec d_factor = FSet(KScaleFactor(i, Search::kScaleFactors));
    const FVec d = LimitLanes(RoundToF16Lanes(hn::Mul(old_d, d_factor)), zero, max);
    for (int k = 0; k < Search::kMinimumFactors; ++k) {
      const FVec dmin_factor = FSet(KMinimumFactor(k, Search::kMinimumFactors));
      const FVec dmin = LimitLanes(RoundToF16Lanes(hn::Mul(old_dmin, dmin_factor)), zero, max);
      const KPairVec pair(d, dmin);
      FVec rise = zero;
      for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
        FVec scale, minimum;
        rise = hn::Add(rise, NearestOnParabolaLanes(group, parabolas, j, pair, scale, minimum));
      }
      InsertStartLanes<Search::kStarts>(rise, d, dmin, starts);
    }
  }
}

template <class Shape, class Search>
HWY_INLINE void SearchStartLanes(const KRefineGroup<Shape>& group, KLaneState<Shape>& state,
                                 KLaneParabolas<Shape>& parabolas) {
  const size_t lanes = hn::Lanes(KFloats());
  KLaneStart starts[Search::kStarts];
  ChooseStartLanes<Shape, Search>(group, state, parabolas, starts);
  const KLaneParabolas<Shape> around = parabolas;
  for (const KLaneStart& start : starts) {
    KLaneState<Shape> trial;
    KLaneParabolas<Shape> trial_parabolas = around;
    const KPairVec pair(FLoad(start.d), FLoad(start.dmin));
    FStore(pair.d, trial.d);
    FStore(pair.dmin, trial.dmin);
    for (size_t j = 0; j < Shape::kSubBlocks; ++j) {
      FVec scale, minimum;
      NearestOnParabolaLanes(group, around, j, pair, scale, minimum);
      FStore(scale, trial.scales + j * lanes);
      FStore(minimum, trial.minimums + j * lanes);
    }
    MeasureKLanes(group, trial);
    SweepKLanes(group, Search::kReach, trial_parabolas, trial);
    FitKLanes(group, trial, trial_parabolas);
    const FMask better = hn::Lt(FLoad(trial.error), FLoad(state.error));
    TakeLanes(better, trial, state);
    TakeLanes(better, trial_parabolas, parabolas);
  }
}

template <class Shape, class Search>
HWY_INLINE void SearchKLanes(const KRefineGroup<Shape>& group, KLaneState<Shape>& state,
                             KLaneParabolas<Shape>& parabolas) {
  if constexpr (!std::is_void_v<typename Search::First>) {
    SearchKLanes<Shape, typename Search::First>(group, state, parabolas);
  }
  if (Search::kFirstReach > 0) {
    SweepKLanes(group, Search::kFirstReach, parabolas, state);
    FitKLanes(group, state, parabolas);
  }
  for (int round = 0; round < Search::kRounds; ++round) {
    SearchStartLanes<Shape, Search>(group, state, parabolas);
  }
  SweepKLanes(group, Search::kLastReach, parabolas, state);
  FitKLanes(group, state, parabolas);
}

// Searches from group.state. True in the lanes whose error became lower.
template <class Shape, class Search>
HWY_INLINE FMask RefineKLanes(KRefineGroup<Shape>& group) {
  KLaneState<Shape>& state = group.state;
  MeasureKLanes(group, state);
  const FVec before = FLoad(state.error);
  KLaneParabolas<Shape> parabolas;
  FitKLanes(group, state, parabolas);
  SearchKLanes<Shape, Search>(group, state, parabolas);
  return hn::Lt(FLoad(state.error), before);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
