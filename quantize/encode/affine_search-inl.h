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

// What the search found, `2 * Lanes` floats each: first those of the first vector of blocks. The
// codes are those of RoundFitLanes: keeping the factors is cheaper than keeping codes at every
// step.
struct AffineLanesFit {
  float* scale;
  float* minimum;
  float* inverse;  // 0 for blocks whose codes are 0
  float* base;
};

// How v becomes an integer code.
enum class Rounding {
  kInRange,  // v in [-0.5, kMaxCode + 0.5): rounding stays within the codes
  kLimited,  // |v| <= 4194303: limiting before rounding is the same as after
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
    if constexpr (kRounding == Rounding::kLimited) {
      v = hn::Min(hn::Max(v, hn::Zero(df)), max_code);
    }
    return hn::Sub(hn::Add(v, magic), magic);
  }
}

// Of the two vectors of blocks: where value i of the lanes is.
struct AffineLanesInput {
  const float* HWY_RESTRICT x0;
  const float* HWY_RESTRICT x1;
  const float* HWY_RESTRICT w0;
  const float* HWY_RESTRICT w1;
};

// Stores codes (as floats, value i of both vectors side by side) and sums over them.
template <Rounding kRounding, size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void SumCodeLanes(DF df, const AffineLanesInput& in, VF max_code, VF inverse0,
                             VF inverse1, VF offset0, VF offset1, float* HWY_RESTRICT codes, VF& l0,
                             VF& l1, VF& ll0, VF& ll1, VF& xl0, VF& xl1) {
  const size_t lanes = hn::Lanes(df);
  l0 = l1 = ll0 = ll1 = xl0 = xl1 = hn::Zero(df);
  for (size_t i = 0; i < kValues; ++i) {
    const VF x0 = hn::Load(df, in.x0 + i * lanes);
    const VF x1 = hn::Load(df, in.x1 + i * lanes);
    const VF c0 = RoundLanes<kRounding>(df, hn::Mul(inverse0, hn::Sub(x0, offset0)), max_code);
    const VF c1 = RoundLanes<kRounding>(df, hn::Mul(inverse1, hn::Sub(x1, offset1)), max_code);
    hn::Store(c0, df, codes + 2 * i * lanes);
    hn::Store(c1, df, codes + (2 * i + 1) * lanes);
    const VF wl0 = hn::Mul(hn::Load(df, in.w0 + i * lanes), c0);
    const VF wl1 = hn::Mul(hn::Load(df, in.w1 + i * lanes), c1);
    l0 = hn::Add(l0, wl0);
    l1 = hn::Add(l1, wl1);
    ll0 = hn::Add(ll0, hn::Mul(wl0, c0));
    ll1 = hn::Add(ll1, hn::Mul(wl1, c1));
    xl0 = hn::Add(xl0, hn::Mul(wl0, x0));
    xl1 = hn::Add(xl1, hn::Mul(wl1, x1));
  }
}

template <class Search, size_t kValues, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void SumErrorLanes(DF df, const AffineLanesInput& in, VF scale0, VF scale1, VF offset0,
                              VF offset1, const float* HWY_RESTRICT codes, VF& sum0, VF& sum1) {
  const size_t lanes = hn::Lanes(df);
  sum0 = sum1 = hn::Zero(df);
  for (size_t i = 0; i < kValues; ++i) {
    const VF x0 = hn::Load(df, in.x0 + i * lanes);
    const VF x1 = hn::Load(df, in.x1 + i * lanes);
    const VF c0 = hn::Load(df, codes + 2 * i * lanes);
    const VF c1 = hn::Load(df, codes + (2 * i + 1) * lanes);
    const VF e0 = hn::Sub(hn::Add(hn::Mul(scale0, c0), offset0), x0);
    const VF e1 = hn::Sub(hn::Add(hn::Mul(scale1, c1), offset1), x1);
    const VF w0 = hn::Load(df, in.w0 + i * lanes);
    const VF w1 = hn::Load(df, in.w1 + i * lanes);
    sum0 = hn::Add(sum0, hn::Mul(w0, Search::kAbsoluteError ? hn::Abs(e0) : hn::Mul(e0, e0)));
    sum1 = hn::Add(sum1, hn::Mul(w1, Search::kAbsoluteError ? hn::Abs(e1) : hn::Mul(e1, e1)));
  }
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

// The weighted least squares line through (code, x), its offset at most 0. Lanes where `fits` is
// false have none.
template <class DF, class VF = hn::Vec<DF>, class MF = hn::Mask<DF>>
HWY_INLINE void FitLineLanes(DF df, VF sum_w, VF sum_x, VF sum_l, VF sum_ll, VF sum_xl, VF& scale,
                             VF& offset, MF& fits) {
  const VF zero = hn::Zero(df);
  const VF determinant = hn::Sub(hn::Mul(sum_w, sum_ll), hn::Mul(sum_l, sum_l));
  fits = hn::Gt(determinant, zero);
  scale = hn::Div(hn::Sub(hn::Mul(sum_w, sum_xl), hn::Mul(sum_x, sum_l)), determinant);
  offset = hn::Div(hn::Sub(hn::Mul(sum_ll, sum_x), hn::Mul(sum_l, sum_xl)), determinant);
  const MF positive = hn::Gt(offset, zero);
  if (HWY_UNLIKELY(!hn::AllFalse(df, positive))) {
    scale = hn::IfThenElse(positive, hn::Div(sum_xl, sum_ll), scale);
    offset = hn::IfThenElse(positive, zero, offset);
  }
}

// Which rounding the lanes need. x - offset and its product with the inverse are monotone even as
// rounded, so that those of the smallest and the largest value bound all others. (The inverse can
// be negative: an offset fitted to some heavy values may lie above all.)
template <class Search, class DF, class VF = hn::Vec<DF>>
HWY_INLINE Rounding RoundingFor(DF df, VF inverse, VF offset, VF lowest, VF highest) {
  const VF end0 = hn::Mul(inverse, hn::Sub(lowest, offset));
  const VF end1 = hn::Mul(inverse, hn::Sub(highest, offset));
  const VF low = hn::Set(df, -0.5f);
  const VF high = hn::Set(df, Search::kMaxCode + 0.5f);
  const auto in_range = hn::And(hn::And(hn::Ge(end0, low), hn::Lt(end0, high)),
                                hn::And(hn::Ge(end1, low), hn::Lt(end1, high)));
  if (hn::AllTrue(df, in_range)) return Rounding::kInRange;
  const VF limit = hn::Set(df, 4194303.0f);
  const auto limited = hn::And(hn::Le(hn::Abs(end0), limit), hn::Le(hn::Abs(end1), limit));
  return hn::AllTrue(df, limited) ? Rounding::kLimited : Rounding::kByBits;
}

// The same as FitAffine for `2 * Lanes` blocks of kValues.
template <class Search, size_t kValues, class DF>
HWY_NOINLINE void FitAffineLanes(DF df, const AffineLanesInput in, const AffineLanesFit out) {
  using VF = hn::Vec<DF>;
  using MF = hn::Mask<DF>;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float codes[2 * kValues * hn::MaxLanes(df)];
  const VF zero = hn::Zero(df);
  const VF one = hn::Set(df, 1.0f);
  const VF max_code = hn::Set(df, static_cast<float>(Search::kMaxCode));

  VF w0, w1, x0, x1, lowest0, lowest1, highest0, highest1;
  SumInputLanes<kValues>(df, in.x0, in.w0, w0, x0, lowest0, highest0);
  SumInputLanes<kValues>(df, in.x1, in.w1, w1, x1, lowest1, highest1);
  const VF min0 = hn::IfThenElse(hn::Gt(lowest0, zero), zero, lowest0);
  const VF min1 = hn::IfThenElse(hn::Gt(lowest1, zero), zero, lowest1);
  // Lanes without a positive range compute something harmless that is dropped at the end.
  const MF valid0 = hn::Gt(highest0, min0);
  const MF valid1 = hn::Gt(highest1, min1);
  highest0 = hn::IfThenElse(valid0, highest0, one);
  highest1 = hn::IfThenElse(valid1, highest1, one);

  VF offset0 = min0, offset1 = min1, scale0, scale1, best0, best1;
  VF used_inverse0, used_inverse1, base0 = min0, base1 = min1;
  for (int step = -1; step <= Search::kLastStep; ++step) {
    float shift = static_cast<float>(Search::kMaxCode);
    if (step >= 0) {
      shift = Search::kFirst + Search::kStep * static_cast<float>(step) + shift;
    }
    const VF divisor = hn::Set(df, shift);
    const VF inverse0 = hn::Div(divisor, hn::Sub(highest0, offset0));
    const VF inverse1 = hn::Div(divisor, hn::Sub(highest1, offset1));
    const Rounding needed0 = RoundingFor<Search>(df, inverse0, offset0, lowest0, highest0);
    const Rounding needed1 = RoundingFor<Search>(df, inverse1, offset1, lowest1, highest1);
    const Rounding needed = HWY_MAX(needed0, needed1);
    VF l0, l1, ll0, ll1, xl0, xl1;
    if (HWY_LIKELY(needed == Rounding::kInRange)) {
      SumCodeLanes<Rounding::kInRange, kValues>(df, in, max_code, inverse0, inverse1, offset0,
                                                offset1, codes, l0, l1, ll0, ll1, xl0, xl1);
    } else if (HWY_LIKELY(needed == Rounding::kLimited)) {
      SumCodeLanes<Rounding::kLimited, kValues>(df, in, max_code, inverse0, inverse1, offset0,
                                                offset1, codes, l0, l1, ll0, ll1, xl0, xl1);
    } else {
      SumCodeLanes<Rounding::kByBits, kValues>(df, in, max_code, inverse0, inverse1, offset0,
                                               offset1, codes, l0, l1, ll0, ll1, xl0, xl1);
    }
    if (step < 0) {
      scale0 = hn::Div(one, inverse0);
      scale1 = hn::Div(one, inverse1);
      used_inverse0 = inverse0;
      used_inverse1 = inverse1;
      SumErrorLanes<Search, kValues>(df, in, scale0, scale1, offset0, offset1, codes, best0, best1);
      continue;
    }
    VF new_scale0, new_scale1, new_offset0, new_offset1, error0, error1;
    MF fits0, fits1;
    FitLineLanes(df, w0, x0, l0, ll0, xl0, new_scale0, new_offset0, fits0);
    FitLineLanes(df, w1, x1, l1, ll1, xl1, new_scale1, new_offset1, fits1);
    SumErrorLanes<Search, kValues>(df, in, new_scale0, new_scale1, new_offset0, new_offset1, codes,
                                   error0, error1);
    const MF better0 = hn::And(fits0, hn::Lt(error0, best0));
    const MF better1 = hn::And(fits1, hn::Lt(error1, best1));
    best0 = hn::IfThenElse(better0, error0, best0);
    best1 = hn::IfThenElse(better1, error1, best1);
    scale0 = hn::IfThenElse(better0, new_scale0, scale0);
    scale1 = hn::IfThenElse(better1, new_scale1, scale1);
    used_inverse0 = hn::IfThenElse(better0, inverse0, used_inverse0);
    used_inverse1 = hn::IfThenElse(better1, inverse1, used_inverse1);
    base0 = hn::IfThenElse(better0, offset0, base0);
    base1 = hn::IfThenElse(better1, offset1, base1);
    offset0 = hn::IfThenElse(better0, new_offset0, offset0);
    offset1 = hn::IfThenElse(better1, new_offset1, offset1);
  }

  hn::Store(hn::IfThenElseZero(valid0, scale0), df, out.scale);
  hn::Store(hn::IfThenElseZero(valid1, scale1), df, out.scale + lanes);
  hn::Store(hn::Neg(hn::IfThenElse(valid0, offset0, min0)), df, out.minimum);
  hn::Store(hn::Neg(hn::IfThenElse(valid1, offset1, min1)), df, out.minimum + lanes);
  hn::Store(hn::IfThenElseZero(valid0, used_inverse0), df, out.inverse);
  hn::Store(hn::IfThenElseZero(valid1, used_inverse1), df, out.inverse + lanes);
  hn::Store(base0, df, out.base);
  hn::Store(base1, df, out.base + lanes);
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
