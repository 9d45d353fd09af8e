// The searches of signed_search.h for one block per SIMD lane, and what their callers share: sums
// of squares in element order, and codes of a run of values by a common scale.
//
// Transposed arrays hold value i of the block in lane b at [i * Lanes(df) + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_SIGNED_SEARCH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/signed_search.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Never more lanes than the 16 sub-blocks of a super-block, whose number they divide.
using LaneTag = hn::CappedTag<float, 16>;
inline constexpr size_t kMaxLanes = 16;

// sums[k] = base[k * stride]^2 + base[k * stride + 1]^2 + ..., `length` squares in this order, for
// k < count. Eight sums at a time hide the latency of the additions.
template <class DF>
HWY_INLINE void SumsOfSquares(DF df, const float* HWY_RESTRICT base, size_t stride, size_t count,
                              size_t length, float* HWY_RESTRICT sums) {
  constexpr size_t kChains = 8;
  constexpr size_t kChunk = 64;
  HWY_ALIGN float squares[kChains][kChunk];
  for (size_t k = 0; k < count; k += kChains) {
    const size_t chains = HWY_MIN(kChains, count - k);
    for (size_t c = chains; c < kChains; ++c) hwy::ZeroBytes<sizeof(squares[0])>(squares[c]);
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f, s4 = 0.0f, s5 = 0.0f, s6 = 0.0f, s7 = 0.0f;
    for (size_t start = 0; start < length; start += kChunk) {
      const size_t chunk = HWY_MIN(kChunk, length - start);
      for (size_t c = 0; c < chains; ++c) {
        const float* HWY_RESTRICT x = base + (k + c) * stride + start;
        for (size_t i = 0; i < chunk; i += hn::Lanes(df)) {
          const auto v = hn::LoadU(df, x + i);
          hn::StoreU(hn::Mul(v, v), df, squares[c] + i);
        }
      }
      for (size_t i = 0; i < chunk; ++i) {
        s0 += squares[0][i];
        s1 += squares[1][i];
        s2 += squares[2][i];
        s3 += squares[3][i];
        s4 += squares[4][i];
        s5 += squares[5][i];
        s6 += squares[6][i];
        s7 += squares[7][i];
      }
    }
    const float all[kChains] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (size_t c = 0; c < chains; ++c) sums[k + c] = all[c];
  }
}

// FirstLargest of every lane, and its magnitude.
template <class DF, class VF>
HWY_INLINE void FirstLargestLanes(DF df, size_t num_values, const float* HWY_RESTRICT x,
                                  VF& largest, VF& magnitude) {
  const size_t lanes = hn::Lanes(df);
  largest = hn::Zero(df);
  magnitude = hn::Zero(df);
  for (size_t i = 0; i < num_values; ++i) {
    const auto v = hn::LoadU(df, x + i * lanes);
    const auto candidate = hn::Abs(v);
    const auto larger = hn::Gt(candidate, magnitude);
    magnitude = hn::IfThenElse(larger, candidate, magnitude);
    largest = hn::IfThenElse(larger, v, largest);
  }
}

// How a trial rounds inverse * x to a code. Inputs of a block are finite and not tiny, hence
// |inverse * x| <= (nmax + 0.1 * step) * (1 + 2^-21): adding and subtracting 1.5 * 2^23 rounds
// like RintLanes, and most steps cannot reach one or both limits. kAnything has no such bound
// (scales of sub-blocks can be infinite or NaN).
enum class Rounding { kInside, kReachesTop, kReachesBoth, kAnything };

// clamp(rint(v), -kMax, kMax - 1) as float.
template <int kMax, Rounding kRounding, class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF SignedCodeLanes(DF df, VF v) {
  if constexpr (kRounding == Rounding::kAnything) {
    const hn::RebindToSigned<DF> di;
    const auto code = hn::Min(hn::Max(RintLanes(df, v), hn::Set(di, -kMax)), hn::Set(di, kMax - 1));
    return hn::ConvertTo(df, code);
  } else {
    const auto magic = hn::Set(df, 12582912.0f);
    auto code = hn::Sub(hn::Add(v, magic), magic);
    if constexpr (kRounding != Rounding::kInside) {
      code = hn::Min(code, hn::Set(df, static_cast<float>(kMax - 1)));
    }
    if constexpr (kRounding == Rounding::kReachesBoth) {
      code = hn::Max(code, hn::Set(df, static_cast<float>(-kMax)));
    }
    return code;
  }
}

// sum w*x*l and sum w*l*l for the codes by `inverse`; wx is w*x.
template <int kMax, size_t kValues, Rounding kRounding, class DF, class VF>
HWY_INLINE void MomentsLanes(DF df, VF inverse, const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT w, const float* HWY_RESTRICT wx, VF& xl,
                             VF& l2) {
  const size_t lanes = hn::Lanes(df);
  xl = hn::Zero(df);
  l2 = hn::Zero(df);
  for (size_t i = 0; i < kValues; ++i) {
    const auto product = hn::Mul(inverse, hn::LoadU(df, x + i * lanes));
    const auto l = SignedCodeLanes<kMax, kRounding>(df, product);
    xl = hn::Add(xl, hn::Mul(hn::LoadU(df, wx + i * lanes), l));
    l2 = hn::Add(l2, hn::Mul(hn::Mul(hn::LoadU(df, w + i * lanes), l), l));
  }
}

// Steps first..last of the search.
template <int kMax, size_t kValues, Rounding kRounding, class DF, class VF>
HWY_INLINE void TrySteps(DF df, int first, int last, VF largest, const float* HWY_RESTRICT x,
                         const float* HWY_RESTRICT w, const float* HWY_RESTRICT wx, VF& scale,
                         VF& inverse, VF& best) {
  for (int step = first; step <= last; ++step) {
    const float numerator = -(static_cast<float>(kMax) + 0.1f * static_cast<float>(step));
    const auto trial = hn::Div(hn::Set(df, numerator), largest);
    VF xl, l2;
    MomentsLanes<kMax, kValues, kRounding>(df, trial, x, w, wx, xl, l2);
    const auto better =
        hn::And(hn::Gt(l2, hn::Zero(df)), hn::Gt(hn::Mul(xl, xl), hn::Mul(best, l2)));
    const auto trial_scale = hn::Div(xl, l2);
    inverse = hn::IfThenElse(better, trial, inverse);
    scale = hn::IfThenElse(better, trial_scale, scale);
    best = hn::IfThenElse(better, hn::Mul(trial_scale, xl), best);
  }
}

// SearchSigned in every lane: `scale` as returned there, `inverse` so that the codes are
// clamp(rint(inverse * x), -kMax, kMax - 1) + kMax. Returns the lanes where all values are tiny:
// there both are 0, and so are the codes. kFinite: x is finite.
template <int kMax, size_t kValues, bool kFinite, class DF, class VF>
HWY_INLINE hn::Mask<DF> SearchSignedLanes(DF df, const float* HWY_RESTRICT x,
                                          const float* HWY_RESTRICT w, const float* HWY_RESTRICT wx,
                                          VF& scale, VF& inverse) {
  constexpr Rounding kInside = kFinite ? Rounding::kInside : Rounding::kAnything;
  constexpr Rounding kTop = kFinite ? Rounding::kReachesTop : Rounding::kAnything;
  constexpr Rounding kBoth = kFinite ? Rounding::kReachesBoth : Rounding::kAnything;
  VF largest, magnitude;
  FirstLargestLanes(df, kValues, x, largest, magnitude);

  inverse = hn::Div(hn::Set(df, static_cast<float>(-kMax)), largest);
  VF xl, l2;
  MomentsLanes<kMax, kValues, kTop>(df, inverse, x, w, wx, xl, l2);
  // Not Ne: a sum that is NaN counts as nonzero.
  scale = hn::IfThenZeroElse(hn::Eq(l2, hn::Zero(df)), hn::Div(xl, l2));
  VF best = hn::Mul(scale, xl);

  // |inverse * x| is at most kMax - 0.6, kMax + 0.4 and kMax + 0.9.
  TrySteps<kMax, kValues, kInside>(df, -9, -6, largest, x, w, wx, scale, inverse, best);
  TrySteps<kMax, kValues, kTop>(df, -5, -1, largest, x, w, wx, scale, inverse, best);
  TrySteps<kMax, kValues, kTop>(df, 1, 4, largest, x, w, wx, scale, inverse, best);
  TrySteps<kMax, kValues, kBoth>(df, 5, 9, largest, x, w, wx, scale, inverse, best);

  const auto tiny = hn::Lt(magnitude, hn::Set(df, kTinyMagnitude));
  scale = hn::IfThenZeroElse(tiny, scale);
  inverse = hn::IfThenZeroElse(tiny, inverse);
  return tiny;
}

// SearchSignedByDescent for kVectors vectors of sub-blocks at a time, because each one is a long
// chain of dependent operations. x: transposed, vector u at x + u * 16 * lanes; scales: kVectors *
// lanes.
inline constexpr size_t kDescentVectors = 4;

// One move of value i in one vector. l: its codes; xl, l2: the sums. Returns the lanes that moved.
template <class DF>
HWY_INLINE hn::Mask<DF> DescendOne(DF df, const float* HWY_RESTRICT x, float* HWY_RESTRICT l,
                                   float* HWY_RESTRICT xl, float* HWY_RESTRICT l2) {
  const auto zero = hn::Zero(df);
  const auto v = hn::LoadU(df, x);
  const auto old = hn::LoadU(df, l);
  const auto w = hn::Mul(v, v);
  const auto wx = hn::Mul(w, v);
  const auto sum_xl = hn::LoadU(df, xl);
  const auto sum_l2 = hn::LoadU(df, l2);
  const auto rest_xl = hn::Sub(sum_xl, hn::Mul(wx, old));
  const auto rest_l2 = hn::Sub(sum_l2, hn::Mul(hn::Mul(w, old), old));
  const auto optimum = hn::Div(hn::Mul(v, rest_l2), rest_xl);
  const auto fresh = SignedCodeLanes<4, Rounding::kAnything>(df, optimum);
  const auto new_xl = hn::Add(rest_xl, hn::Mul(wx, fresh));
  const auto new_l2 = hn::Add(rest_l2, hn::Mul(hn::Mul(w, fresh), fresh));
  const auto better =
      hn::Gt(hn::Mul(hn::Mul(new_xl, new_xl), sum_l2), hn::Mul(hn::Mul(sum_xl, sum_xl), new_l2));
  const auto moves = hn::And(hn::And(hn::Gt(rest_xl, zero), hn::Gt(new_l2, zero)),
                             hn::AndNot(hn::Eq(fresh, old), better));
  hn::StoreU(hn::IfThenElse(moves, fresh, old), df, l);
  hn::StoreU(hn::IfThenElse(moves, new_xl, sum_xl), df, xl);
  hn::StoreU(hn::IfThenElse(moves, new_l2, sum_l2), df, l2);
  return moves;
}

template <class DF>
HWY_INLINE void DescentLanes(DF df, const float* HWY_RESTRICT x, float* HWY_RESTRICT scales) {
  constexpr size_t kValues = 16;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float l[kValues * kDescentVectors * kMaxLanes];
  HWY_ALIGN float xl[kDescentVectors * kMaxLanes];
  HWY_ALIGN float l2[kDescentVectors * kMaxLanes];
  HWY_ALIGN float magnitudes[kDescentVectors * kMaxLanes];

  for (size_t u = 0; u < kDescentVectors; ++u) {
    const float* HWY_RESTRICT xu = x + u * kValues * lanes;
    hn::Vec<DF> largest, magnitude;
    FirstLargestLanes(df, kValues, xu, largest, magnitude);
    const auto inverse = hn::Div(hn::Set(df, -4.0f), largest);
    auto sum_xl = hn::Zero(df);
    auto sum_l2 = hn::Zero(df);
    for (size_t i = 0; i < kValues; ++i) {
      const auto v = hn::LoadU(df, xu + i * lanes);
      const auto w = hn::Mul(v, v);
      const auto code = SignedCodeLanes<4, Rounding::kReachesTop>(df, hn::Mul(inverse, v));
      hn::StoreU(code, df, l + (u * kValues + i) * lanes);
      sum_xl = hn::Add(sum_xl, hn::Mul(hn::Mul(w, v), code));
      sum_l2 = hn::Add(sum_l2, hn::Mul(hn::Mul(w, code), code));
    }
    hn::StoreU(sum_xl, df, xl + u * lanes);
    hn::StoreU(sum_l2, df, l2 + u * lanes);
    hn::StoreU(magnitude, df, magnitudes + u * lanes);
  }

  // A lane that made no move in a pass makes none in the next: the others may go on without it.
  bool changed = true;
  for (int pass = 0; pass < 5 && changed; ++pass) {
    auto moved = hn::Lt(hn::Zero(df), hn::Zero(df));
    for (size_t i = 0; i < kValues; ++i) {
      for (size_t u = 0; u < kDescentVectors; ++u) {
        const size_t at = (u * kValues + i) * lanes;
        moved = hn::Or(moved, DescendOne(df, x + at, l + at, xl + u * lanes, l2 + u * lanes));
      }
    }
    changed = !hn::AllFalse(df, moved);
  }

  for (size_t u = 0; u < kDescentVectors; ++u) {
    const auto sum_l2 = hn::LoadU(df, l2 + u * lanes);
    const auto scale = hn::Div(hn::LoadU(df, xl + u * lanes), sum_l2);
    const auto tiny = hn::Lt(hn::LoadU(df, magnitudes + u * lanes), hn::Set(df, kTinyMagnitude));
    const auto valid = hn::AndNot(tiny, hn::Gt(sum_l2, hn::Zero(df)));
    hn::StoreU(hn::IfThenElseZero(valid, scale), df, scales + u * lanes);
  }
}

// clamp(rint(v), -kMax, kMax - 1) + kMax as bytes.
template <int kMax, class DF, class VF>
HWY_INLINE void StoreCodes(DF df, VF v, uint8_t* HWY_RESTRICT codes) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint8_t, DF> d8;
  // The shift by kMax and the one inside rint in one subtraction.
  constexpr int32_t kMiddle = 0x00400000;
  const auto shifted = hn::BitCast(di, hn::Add(v, hn::Set(df, 12582912.0f)));
  const auto masked = hn::And(shifted, hn::Set(di, 0x007FFFFF));
  const auto clamped =
      hn::Min(hn::Max(masked, hn::Set(di, kMiddle - kMax)), hn::Set(di, kMiddle + kMax - 1));
  const auto code = hn::Sub(clamped, hn::Set(di, kMiddle - kMax));
  hn::StoreU(hn::U8FromU32(hn::BitCast(du, code)), d8, codes);
}

// Codes of num_values (a multiple of 16) values by the inverse of their scale, which is 0 where
// all codes are (see SearchSignedLanes).
template <int kMax, class DF>
HWY_INLINE void CodesByInverse(DF df, const float* HWY_RESTRICT x, size_t num_values, float inverse,
                               uint8_t* HWY_RESTRICT codes) {
  if (inverse == 0.0f) {
    for (size_t i = 0; i < num_values; ++i) codes[i] = 0;
    return;
  }
  const auto factor = hn::Set(df, inverse);
  for (size_t i = 0; i < num_values; i += hn::Lanes(df)) {
    StoreCodes<kMax>(df, hn::Mul(factor, hn::LoadU(df, x + i)), codes + i);
  }
}

// Codes of 16 values by their scale, by division.
template <int kMax, class DF>
HWY_INLINE void CodesByScale(DF df, const float* HWY_RESTRICT x, float scale,
                             uint8_t* HWY_RESTRICT codes) {
  const auto divisor = hn::Set(df, scale);
  for (size_t i = 0; i < 16; i += hn::Lanes(df)) {
    StoreCodes<kMax>(df, hn::Div(hn::LoadU(df, x + i), divisor), codes + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
