// FitAffine (affine_search.h) for two vectors of blocks at once, one block per SIMD lane. Every
// lane does the scalar search's operations in its order; steps that only some lanes take are
// masked.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/affine_search.h"
#include "quantize/encode/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How v becomes an integer code.
enum class Rounding {
  kInRange,  // v in [-0.5, kMaxCode + 0.5): rounding stays within the codes
  kLow,      // [-4194303, kMaxCode + 0.5): limiting before rounding is the same as after
  kLimited,  // [-4194303, 4194303]: the same, on both sides
  kByBits,   // anything: RoundToCode of the scalar reference, operation by operation
};

template <Rounding kRounding, class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF RoundLanes(DF df, VF v, VF max_code) {
  if constexpr (kRounding == Rounding::kByBits) {
    const hn::RebindToSigned<DF> di;
    const auto code = RintLanes(df, v);
    return hn::ConvertTo(df, hn::Min(hn::Max(code, hn::Zero(di)), hn::ConvertTo(di, max_code)));
  } else {
    const VF magic = hn::Set(df, 12582912.0f);
    if constexpr (kRounding != Rounding::kInRange) v = hn::Max(v, hn::Zero(df));
    if constexpr (kRounding == Rounding::kLimited) v = hn::Min(v, max_code);
    return hn::Sub(hn::Add(v, magic), magic);
  }
}

// What the search knows of two vectors of blocks; arrays hold the first vector's lanes, then the
// second's, from [Lanes] on. In memory, because it is too much for registers and used once per
// step.
template <class DF>
struct AffinePair {
  static constexpr size_t kFloats = 2 * hn::MaxLanes(DF());

  // Value i of lane k is at [i * Lanes + k].
  const float* x[2];
  const float* weights[2];

  HWY_ALIGN float sum_w[kFloats];
  HWY_ALIGN float sum_x[kFloats];
  HWY_ALIGN float lowest[kFloats];
  HWY_ALIGN float highest[kFloats];
  HWY_ALIGN float is_valid[kFloats];  // 1 in lanes whose values span a positive range, else 0
  // The best fit so far, and the inverse and base that its codes were rounded with.
  HWY_ALIGN float error[kFloats];
  HWY_ALIGN float scale[kFloats];
  HWY_ALIGN float offset[kFloats];
  HWY_ALIGN float inverse[kFloats];
  HWY_ALIGN float base[kFloats];
  // The fit on trial. A scale that is not a number marks lanes without a fit.
  HWY_ALIGN float trial_scale[kFloats];
  HWY_ALIGN float trial_offset[kFloats];
  HWY_ALIGN float trial_inverse[kFloats];
  Rounding rounding = Rounding::kInRange;  // that the trial needs
};

// Rounds the values of both vectors to codes, stored as floats (value i of both vectors side by
// side), and sums over them into `sums`: w*l, w*l*l, w*l*x of the first vector, then of the second.
template <Rounding kRounding, size_t kValues, class DF>
HWY_NOINLINE void SumCodeLanes(DF df, const AffinePair<DF>& pair, int last_code,
                               float* HWY_RESTRICT codes, float* HWY_RESTRICT sums) {
  using VF = hn::Vec<DF>;
  const size_t lanes = hn::Lanes(df);
  const float* HWY_RESTRICT px0 = pair.x[0];
  const float* HWY_RESTRICT px1 = pair.x[1];
  const float* HWY_RESTRICT pw0 = pair.weights[0];
  const float* HWY_RESTRICT pw1 = pair.weights[1];
  const VF max_code = hn::Set(df, static_cast<float>(last_code));
  const VF inverse0 = hn::Load(df, pair.trial_inverse);
  const VF inverse1 = hn::Load(df, pair.trial_inverse + lanes);
  const VF offset0 = hn::Load(df, pair.offset);
  const VF offset1 = hn::Load(df, pair.offset + lanes);
  VF l0 = hn::Zero(df), ll0 = l0, xl0 = l0, l1 = l0, ll1 = l0, xl1 = l0;
  for (size_t i = 0; i < kValues; ++i) {
    const VF x0 = hn::Load(df, px0 + i * lanes);
    const VF x1 = hn::Load(df, px1 + i * lanes);
    const VF c0 = RoundLanes<kRounding>(df, hn::Mul(inverse0, hn::Sub(x0, offset0)), max_code);
    const VF c1 = RoundLanes<kRounding>(df, hn::Mul(inverse1, hn::Sub(x1, offset1)), max_code);
    hn::Store(c0, df, codes + 2 * i * lanes);
    hn::Store(c1, df, codes + (2 * i + 1) * lanes);
    const VF wl0 = hn::Mul(hn::Load(df, pw0 + i * lanes), c0);
    const VF wl1 = hn::Mul(hn::Load(df, pw1 + i * lanes), c1);
    l0 = hn::Add(l0, wl0);
    l1 = hn::Add(l1, wl1);
    ll0 = hn::Add(ll0, hn::Mul(wl0, c0));
    ll1 = hn::Add(ll1, hn::Mul(wl1, c1));
    xl0 = hn::Add(xl0, hn::Mul(wl0, x0));
    xl1 = hn::Add(xl1, hn::Mul(wl1, x1));
  }
  hn::Store(l0, df, sums);
  hn::Store(ll0, df, sums + lanes);
  hn::Store(xl0, df, sums + 2 * lanes);
  hn::Store(l1, df, sums + 3 * lanes);
  hn::Store(ll1, df, sums + 4 * lanes);
  hn::Store(xl1, df, sums + 5 * lanes);
}

// The weighted errors of both vectors under the fit on trial.
template <bool kAbsolute, size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void SumErrorLanes(DF df, const AffinePair<DF>& pair, const float* HWY_RESTRICT codes,
                              VF& error0, VF& error1) {
  const size_t lanes = hn::Lanes(df);
  const float* HWY_RESTRICT px0 = pair.x[0];
  const float* HWY_RESTRICT px1 = pair.x[1];
  const float* HWY_RESTRICT pw0 = pair.weights[0];
  const float* HWY_RESTRICT pw1 = pair.weights[1];
  const VF scale0 = hn::Load(df, pair.trial_scale);
  const VF scale1 = hn::Load(df, pair.trial_scale + lanes);
  const VF offset0 = hn::Load(df, pair.trial_offset);
  const VF offset1 = hn::Load(df, pair.trial_offset + lanes);
  VF sum0 = hn::Zero(df), sum1 = sum0;
  for (size_t i = 0; i < kValues; ++i) {
    const VF c0 = hn::Load(df, codes + 2 * i * lanes);
    const VF c1 = hn::Load(df, codes + (2 * i + 1) * lanes);
    const VF e0 = hn::Sub(hn::Add(hn::Mul(scale0, c0), offset0), hn::Load(df, px0 + i * lanes));
    const VF e1 = hn::Sub(hn::Add(hn::Mul(scale1, c1), offset1), hn::Load(df, px1 + i * lanes));
    const VF size0 = kAbsolute ? hn::Abs(e0) : hn::Mul(e0, e0);
    const VF size1 = kAbsolute ? hn::Abs(e1) : hn::Mul(e1, e1);
    sum0 = hn::Add(sum0, hn::Mul(hn::Load(df, pw0 + i * lanes), size0));
    sum1 = hn::Add(sum1, hn::Mul(hn::Load(df, pw1 + i * lanes), size1));
  }
  error0 = sum0;
  error1 = sum1;
}

// sum w, sum w*x, min x, max x of a vector of blocks.
template <size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void SumInputLanes(DF df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                              VF& sum_w, VF& sum_x, VF& min, VF& max) {
  const size_t lanes = hn::Lanes(df);
  min = max = hn::Load(df, x);
  sum_w = hn::Load(df, w);
  sum_x = hn::Mul(sum_w, min);
  for (size_t i = 1; i < kValues; ++i) {
    const VF xi = hn::Load(df, x + i * lanes);
    const VF wi = hn::Load(df, w + i * lanes);
    // Not hn::Min: of 0.0 and -0.0 the first one counts.
    min = hn::IfThenElse(hn::Lt(xi, min), xi, min);
    max = hn::IfThenElse(hn::Gt(xi, max), xi, max);
    sum_w = hn::Add(sum_w, wi);
    sum_x = hn::Add(sum_x, hn::Mul(wi, xi));
  }
}

// The weighted least squares line through (code, x), its offset at most 0. Its scale is not a
// number in lanes where there is none.
template <class DF, class VF = hn::Vec<DF>, class MF = hn::Mask<DF>>
HWY_INLINE void FitLineLanes(DF df, VF sum_w, VF sum_x, VF sum_l, VF sum_ll, VF sum_xl, VF& scale,
                             VF& offset) {
  const VF zero = hn::Zero(df);
  const VF determinant = hn::Sub(hn::Mul(sum_w, sum_ll), hn::Mul(sum_l, sum_l));
  const MF fits = hn::Gt(determinant, zero);
  scale = hn::Div(hn::Sub(hn::Mul(sum_w, sum_xl), hn::Mul(sum_x, sum_l)), determinant);
  offset = hn::Div(hn::Sub(hn::Mul(sum_ll, sum_x), hn::Mul(sum_l, sum_xl)), determinant);
  const MF positive = hn::Gt(offset, zero);
  if (HWY_UNLIKELY(!hn::AllFalse(df, positive))) {
    scale = hn::IfThenElse(positive, hn::Div(sum_xl, sum_ll), scale);
    offset = hn::IfThenElse(positive, zero, offset);
  }
  scale = hn::IfThenElse(fits, scale, hn::NaN(df));
}

// Which rounding the lanes need. x - offset and its product with the inverse are monotone even as
// rounded, so that those of the smallest and the largest value bound all others. (The inverse can
// be negative: an offset fitted to some heavy values may lie above all.)
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE Rounding RoundingFor(DF df, int last_code, VF inverse, VF offset, VF lowest,
                                VF highest) {
  const VF end0 = hn::Mul(inverse, hn::Sub(lowest, offset));
  const VF end1 = hn::Mul(inverse, hn::Sub(highest, offset));
  const VF limit = hn::Set(df, 4194303.0f);
  const VF high = hn::Set(df, static_cast<float>(last_code) + 0.5f);
  const auto not_low = hn::And(hn::Ge(end0, hn::Neg(limit)), hn::Ge(end1, hn::Neg(limit)));
  const auto not_high = hn::And(hn::Lt(end0, high), hn::Lt(end1, high));
  if (HWY_LIKELY(hn::AllTrue(df, hn::And(not_low, not_high)))) {
    const VF low = hn::Set(df, -0.5f);
    return hn::AllTrue(df, hn::And(hn::Ge(end0, low), hn::Ge(end1, low))) ? Rounding::kInRange
                                                                          : Rounding::kLow;
  }
  const auto limited = hn::And(not_low, hn::And(hn::Le(end0, limit), hn::Le(end1, limit)));
  return hn::AllTrue(df, limited) ? Rounding::kLimited : Rounding::kByBits;
}

// The next inverse scales on trial: divisor / (highest - offset).
template <class DF>
HWY_INLINE void NextTrial(DF df, int last_code, float divisor, AffinePair<DF>& pair) {
  const size_t lanes = hn::Lanes(df);
  // Never back to kInRange: a branch that goes either way costs more than the limit it saves.
  pair.rounding = HWY_MIN(pair.rounding, Rounding::kLow);
  for (size_t at = 0; at < 2 * lanes; at += lanes) {
    const auto highest = hn::Load(df, pair.highest + at);
    const auto offset = hn::Load(df, pair.offset + at);
    const auto inverse = hn::Div(hn::Set(df, divisor), hn::Sub(highest, offset));
    hn::Store(inverse, df, pair.trial_inverse + at);
    const Rounding needed =
        RoundingFor(df, last_code, inverse, offset, hn::Load(df, pair.lowest + at), highest);
    pair.rounding = HWY_MAX(pair.rounding, needed);
  }
}

template <size_t kValues, class DF>
HWY_INLINE void SumTrial(DF df, int last_code, const AffinePair<DF>& pair,
                         float* HWY_RESTRICT codes, float* HWY_RESTRICT sums) {
  switch (pair.rounding) {
    case Rounding::kInRange:
      return SumCodeLanes<Rounding::kInRange, kValues>(df, pair, last_code, codes, sums);
    case Rounding::kLow:
      return SumCodeLanes<Rounding::kLow, kValues>(df, pair, last_code, codes, sums);
    case Rounding::kLimited:
      return SumCodeLanes<Rounding::kLimited, kValues>(df, pair, last_code, codes, sums);
    case Rounding::kByBits:
      return SumCodeLanes<Rounding::kByBits, kValues>(df, pair, last_code, codes, sums);
  }
}

// The numerator of the inverse scale of a step.
template <class Search>
constexpr float DivisorOf(int step) {
  return Search::kFirst + Search::kStep * static_cast<float>(step) +
         static_cast<float>(Search::kMaxCode);
}

// Reads the values and tries the scale that spreads the codes over them all.
template <class Search, size_t kValues, class DF>
HWY_NOINLINE void StartPair(DF df, AffinePair<DF>& pair, float* HWY_RESTRICT codes) {
  using VF = hn::Vec<DF>;
  const size_t lanes = hn::Lanes(df);
  const VF zero = hn::Zero(df);
  for (size_t v = 0, at = 0; v < 2; ++v, at += lanes) {
    VF sum_w, sum_x, lowest, highest;
    SumInputLanes<kValues>(df, pair.x[v], pair.weights[v], sum_w, sum_x, lowest, highest);
    const VF offset = hn::IfThenElse(hn::Gt(lowest, zero), zero, lowest);
    // Lanes without a positive range compute something harmless; FinishPair drops it.
    const auto valid = hn::Gt(highest, offset);
    hn::Store(hn::IfThenElseZero(valid, hn::Set(df, 1.0f)), df, pair.is_valid + at);
    highest = hn::IfThenElse(valid, highest, hn::Set(df, 1.0f));
    hn::Store(sum_w, df, pair.sum_w + at);
    hn::Store(sum_x, df, pair.sum_x + at);
    hn::Store(lowest, df, pair.lowest + at);
    hn::Store(highest, df, pair.highest + at);
    hn::Store(offset, df, pair.offset + at);
    hn::Store(offset, df, pair.base + at);
    hn::Store(offset, df, pair.trial_offset + at);
  }
  HWY_ALIGN float sums[6 * hn::MaxLanes(df)];
  NextTrial(df, Search::kMaxCode, static_cast<float>(Search::kMaxCode), pair);
  SumTrial<kValues>(df, Search::kMaxCode, pair, codes, sums);
  for (size_t at = 0; at < 2 * lanes; at += lanes) {
    const VF inverse = hn::Load(df, pair.trial_inverse + at);
    const VF scale = hn::Div(hn::Set(df, 1.0f), inverse);
    hn::Store(inverse, df, pair.inverse + at);
    hn::Store(scale, df, pair.scale + at);
    hn::Store(scale, df, pair.trial_scale + at);
  }
  VF error0, error1;
  SumErrorLanes<Search::kAbsoluteError, kValues>(df, pair, codes, error0, error1);
  hn::Store(error0, df, pair.error);
  hn::Store(error1, df, pair.error + lanes);
  NextTrial(df, Search::kMaxCode, DivisorOf<Search>(0), pair);
}

// First half of a step: the line fitted to the codes of the next scale.
template <class Search, size_t kValues, class DF>
HWY_INLINE void FitPair(DF df, AffinePair<DF>& pair, float* HWY_RESTRICT codes) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float sums[6 * hn::MaxLanes(df)];
  SumTrial<kValues>(df, Search::kMaxCode, pair, codes, sums);
  for (size_t v = 0, at = 0; v < 2; ++v, at += lanes) {
    hn::Vec<DF> scale, offset;
    const float* HWY_RESTRICT of_v = sums + 3 * at;
    FitLineLanes(df, hn::Load(df, pair.sum_w + at), hn::Load(df, pair.sum_x + at),
                 hn::Load(df, of_v), hn::Load(df, of_v + lanes), hn::Load(df, of_v + 2 * lanes),
                 scale, offset);
    hn::Store(scale, df, pair.trial_scale + at);
    hn::Store(offset, df, pair.trial_offset + at);
  }
}

// Second half: lanes in which that line has the smallest error so far take it. Starts the division
// for step `next` here, so that it is done when the loops over the other pair are.
template <class Search, size_t kValues, class DF>
HWY_NOINLINE void JudgePair(DF df, int next, AffinePair<DF>& pair,
                            const float* HWY_RESTRICT codes) {
  using VF = hn::Vec<DF>;
  const size_t lanes = hn::Lanes(df);
  VF error0, error1;
  SumErrorLanes<Search::kAbsoluteError, kValues>(df, pair, codes, error0, error1);
  for (size_t at = 0; at < 2 * lanes; at += lanes) {
    const VF error = at == 0 ? error0 : error1;
    const VF best = hn::Load(df, pair.error + at);
    const auto better = hn::Lt(error, best);
    const auto take = [&](const float* HWY_RESTRICT from, float* HWY_RESTRICT to) HWY_ATTR {
      hn::Store(hn::IfThenElse(better, hn::Load(df, from + at), hn::Load(df, to + at)), df,
                to + at);
    };
    hn::Store(hn::IfThenElse(better, error, best), df, pair.error + at);
    take(pair.trial_scale, pair.scale);
    take(pair.trial_inverse, pair.inverse);
    take(pair.offset, pair.base);
    take(pair.trial_offset, pair.offset);
  }
  NextTrial(df, Search::kMaxCode, DivisorOf<Search>(next), pair);
}

// Where the results go, `lanes` floats for every vector. RoundFitLanes(x, inverse, base) gives the
// codes: to keep these two is cheaper than to keep codes at every step.
struct AffineLanesFit {
  float* scale;
  float* minimum;
  float* inverse;  // 0 for blocks whose codes are 0
  float* base;
};

template <class DF>
HWY_INLINE void FinishPair(DF df, const AffinePair<DF>& pair, const AffineLanesFit& fit) {
  using VF = hn::Vec<DF>;
  const VF zero = hn::Zero(df);
  const size_t lanes = hn::Lanes(df);
  for (size_t v = 0, at = 0; v < 2; ++v, at += lanes) {
    const VF lowest = hn::Load(df, pair.lowest + at);
    const VF min = hn::IfThenElse(hn::Gt(lowest, zero), zero, lowest);
    const auto valid = hn::Gt(hn::Load(df, pair.is_valid + at), zero);
    hn::Store(hn::IfThenElseZero(valid, hn::Load(df, pair.scale + at)), df, fit.scale + at);
    hn::Store(hn::Neg(hn::IfThenElse(valid, hn::Load(df, pair.offset + at), min)), df,
              fit.minimum + at);
    hn::Store(hn::IfThenElseZero(valid, hn::Load(df, pair.inverse + at)), df, fit.inverse + at);
    hn::Store(hn::Load(df, pair.base + at), df, fit.base + at);
  }
}

// The same as FitAffine for 2 * kPairs * Lanes blocks of kValues. Value i of lane k of vector v is
// at [(v * kValues + i) * Lanes + k].
template <class Search, size_t kValues, size_t kPairs, class DF>
HWY_NOINLINE void FitAffineLanes(DF df, const float* HWY_RESTRICT x,
                                 const float* HWY_RESTRICT weights, const AffineLanesFit fit) {
  const size_t lanes = hn::Lanes(df);
  AffinePair<DF> pairs[kPairs];
  HWY_ALIGN float codes[kPairs][2 * kValues * hn::MaxLanes(df)];
  for (size_t p = 0; p < kPairs; ++p) {
    for (size_t v = 0; v < 2; ++v) {
      pairs[p].x[v] = x + (2 * p + v) * kValues * lanes;
      pairs[p].weights[v] = weights + (2 * p + v) * kValues * lanes;
    }
    StartPair<Search, kValues>(df, pairs[p], codes[p]);
  }
  for (int step = 0; step <= Search::kLastStep; ++step) {
    for (size_t p = 0; p < kPairs; ++p) FitPair<Search, kValues>(df, pairs[p], codes[p]);
    for (size_t p = 0; p < kPairs; ++p)
      JudgePair<Search, kValues>(df, step + 1, pairs[p], codes[p]);
  }
  for (size_t p = 0; p < kPairs; ++p) {
    const size_t at = 2 * p * lanes;
    FinishPair(df, pairs[p], {fit.scale + at, fit.minimum + at, fit.inverse + at, fit.base + at});
  }
}

// The code the search chose for x.
template <class DF, class VF = hn::Vec<DF>, class VI = hn::Vec<hn::RebindToSigned<DF>>>
HWY_INLINE VI RoundFitLanes(DF df, VF x, VF inverse, VF base, VI max_code) {
  const hn::RebindToSigned<DF> di;
  const VI code = RintLanes(df, hn::Mul(inverse, hn::Sub(x, base)));
  return hn::Min(hn::Max(code, hn::Zero(di)), max_code);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
