// FitPositive (positive_search.h) for one vector of value lists, one list per SIMD lane.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_POSITIVE_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/positive_search.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The best of the inverse scales (max_code + 0.1 * i) / max, i = -4 .. 4, 0 first.
template <size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF BestInverseLanes(DF df, int max_code, VF max, const float* HWY_RESTRICT x,
                               const float* HWY_RESTRICT weights) {
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  const auto last = hn::Set(di, max_code);
  const auto byte = hn::Set(di, 255);
  VF best = hn::Zero(df);
  VF best_inverse = best;
  for (int trial = 0; trial < 9; ++trial) {
    const int i = trial == 0 ? 0 : (trial <= 4 ? trial - 5 : trial - 4);
    const float numerator = i == 0 ? static_cast<float>(max_code)
                                   : 0.1f * static_cast<float>(i) + static_cast<float>(max_code);
    const VF inverse = hn::Div(hn::Set(df, numerator), max);
    const VF scale = hn::Div(hn::Set(df, 1.0f), inverse);
    VF sum = hn::Zero(df);
    for (size_t j = 0; j < kValues; ++j) {
      const VF xj = hn::Load(df, x + j * lanes);
      auto code = RintLanes(df, hn::Mul(inverse, xj));
      // The first trial is rounded to a cell of 8 bits, the others are limited.
      code = i == 0 ? hn::And(code, byte) : hn::Min(code, last);
      const VF error = hn::Sub(xj, hn::Mul(scale, hn::ConvertTo(df, code)));
      sum = hn::Add(sum, hn::Mul(hn::Mul(hn::Load(df, weights + j * lanes), error), error));
    }
    if (i == 0) {
      best = sum;
      best_inverse = inverse;
    } else {
      const auto better = hn::Lt(sum, best);
      best = hn::IfThenElse(better, sum, best);
      best_inverse = hn::IfThenElse(better, inverse, best_inverse);
    }
  }
  return best_inverse;
}

// Moves every code to its optimum given the others; false when no lane moved one. A lane that is
// done stays as it is, so that lanes need not stop one by one.
template <size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE bool MoveCodeLanes(DF df, int max_code, const float* HWY_RESTRICT x,
                              const float* HWY_RESTRICT weights, VF& sum_lx, VF& sum_ll,
                              int32_t* HWY_RESTRICT codes) {
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  const VF zero = hn::Zero(df);
  bool moved = false;
  for (size_t j = 0; j < kValues; ++j) {
    const VF xj = hn::Load(df, x + j * lanes);
    const VF w = hn::Load(df, weights + j * lanes);
    const VF wx = hn::Mul(w, xj);
    const auto code = hn::Load(di, codes + j * lanes);
    const VF l = hn::ConvertTo(df, code);
    VF lx = hn::Sub(sum_lx, hn::Mul(wx, l));
    VF ll = hn::Sub(sum_ll, hn::Mul(hn::Mul(w, l), l));
    const auto positive = hn::And(hn::Gt(lx, zero), hn::Gt(ll, zero));
    const auto new_code =
        hn::Min(RintLanes(df, hn::Div(hn::Mul(xj, ll), lx)), hn::Set(di, max_code));
    const auto other = hn::And(positive, hn::RebindMask(df, hn::Ne(new_code, code)));
    if (hn::AllFalse(df, other)) continue;
    const VF new_l = hn::ConvertTo(df, new_code);
    lx = hn::Add(lx, hn::Mul(wx, new_l));
    ll = hn::Add(ll, hn::Mul(hn::Mul(w, new_l), new_l));
    const auto better = hn::And(
        other, hn::Gt(hn::Mul(hn::Mul(lx, lx), sum_ll), hn::Mul(hn::Mul(sum_lx, sum_lx), ll)));
    if (hn::AllFalse(df, better)) continue;
    moved = true;
    sum_lx = hn::IfThenElse(better, lx, sum_lx);
    sum_ll = hn::IfThenElse(better, ll, sum_ll);
    const auto cell = hn::And(new_code, hn::Set(di, 255));
    hn::Store(hn::IfThenElse(hn::RebindMask(di, better), cell, code), di, codes + j * lanes);
  }
  return moved;
}

// The same as FitPositive for Lanes lists: value j of all lists at x + j * Lanes, as are weights
// and codes. Writes the scales to `scale`.
template <size_t kValues, class DF>
HWY_NOINLINE void FitPositiveLanes(DF df, int max_code, const float* HWY_RESTRICT x,
                                   const float* HWY_RESTRICT weights, int32_t* HWY_RESTRICT codes,
                                   float* HWY_RESTRICT scale) {
  using VF = hn::Vec<DF>;
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  const VF zero = hn::Zero(df);
  VF max = zero;
  for (size_t j = 0; j < kValues; ++j) {
    const VF xj = hn::Load(df, x + j * lanes);
    max = hn::IfThenElse(hn::Gt(xj, max), xj, max);
  }
  const auto tiny = hn::Lt(max, hn::Set(df, kPositiveSearchEpsilon));
  max = hn::IfThenElse(tiny, hn::Set(df, 1.0f), max);
  const VF inverse = BestInverseLanes<kValues>(df, max_code, max, x, weights);
  VF sum_lx = zero;
  VF sum_ll = zero;
  for (size_t j = 0; j < kValues; ++j) {
    const VF xj = hn::Load(df, x + j * lanes);
    const VF w = hn::Load(df, weights + j * lanes);
    const auto code = hn::Min(RintLanes(df, hn::Mul(inverse, xj)), hn::Set(di, max_code));
    const VF l = hn::ConvertTo(df, code);
    hn::Store(hn::And(code, hn::Set(di, 255)), di, codes + j * lanes);
    sum_lx = hn::Add(sum_lx, hn::Mul(hn::Mul(w, xj), l));
    sum_ll = hn::Add(sum_ll, hn::Mul(hn::Mul(w, l), l));
  }
  constexpr int kMaxPasses = 5;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    if (!MoveCodeLanes<kValues>(df, max_code, x, weights, sum_lx, sum_ll, codes)) break;
  }
  const VF fit = hn::IfThenElseZero(hn::Gt(sum_ll, zero), hn::Div(sum_lx, sum_ll));
  hn::Store(hn::IfThenElse(tiny, zero, fit), df, scale);
  for (size_t j = 0; j < kValues; ++j) {
    const auto code = hn::Load(di, codes + j * lanes);
    hn::Store(hn::IfThenElse(hn::RebindMask(di, tiny), hn::Zero(di), code), di, codes + j * lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
