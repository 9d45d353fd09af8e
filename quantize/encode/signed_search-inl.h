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
#include "quantize/encode/float16-inl.h"
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

// Adds w*x*l and w*l*l of one value to xl and l2, for its code l by `inverse`; wx is w*x.
template <int kMax, Rounding kRounding, class DF, class VF>
HWY_INLINE void AddMoments(DF df, VF inverse, VF x, VF w, VF wx, VF& xl, VF& l2) {
  const auto l = SignedCodeLanes<kMax, kRounding>(df, hn::Mul(inverse, x));
  xl = hn::Add(xl, hn::Mul(wx, l));
  l2 = hn::Add(l2, hn::Mul(hn::Mul(w, l), l));
}

// The numerator of the inverse scale of a step.
template <int kMax>
HWY_INLINE float NumeratorOfStep(int step) {
  return -(static_cast<float>(kMax) + 0.1f * static_cast<float>(step));
}

// numerator / divisor, correctly rounded, by the reciprocal of the divisor and one correction where
// there is fused arithmetic: a division takes as long as the sums of five values. Exact for every
// NumeratorOfStep of the four kMax and every divisor in [2^-100, 2^100], which the test checks for
// each mantissa.
inline constexpr float kCorrectedLimit = 0x1p100f;

template <class DF, class VF>
HWY_INLINE VF CorrectedQuotient(DF df, float numerator, VF divisor, VF reciprocal) {
#if HWY_NATIVE_FMA
  const auto n = hn::Set(df, numerator);
  const auto quotient = hn::Mul(n, reciprocal);
  const auto remainder = hn::NegMulAdd(quotient, divisor, n);
  return hn::MulAdd(remainder, reciprocal, quotient);
#else
  (void)reciprocal;
  return hn::Div(hn::Set(df, numerator), divisor);
#endif
}

// Keeps the scale of a trial with these moments in the lanes where it is better.
template <class DF, class VF>
HWY_INLINE void KeepBetter(DF df, VF trial, VF xl, VF l2, VF& scale, VF& inverse, VF& best) {
  const auto better = hn::And(hn::Gt(l2, hn::Zero(df)), hn::Gt(hn::Mul(xl, xl), hn::Mul(best, l2)));
  const auto trial_scale = hn::Div(xl, l2);
  inverse = hn::IfThenElse(better, trial, inverse);
  scale = hn::IfThenElse(better, trial_scale, scale);
  best = hn::IfThenElse(better, hn::Mul(trial_scale, xl), best);
}

// Two steps of the search, in this order: they share the loads and hide the latency of the sums.
template <int kMax, size_t kValues, Rounding kRounding, bool kCorrected, class DF, class VF>
HWY_INLINE void TryTwoSteps(DF df, int step0, int step1, VF largest, VF reciprocal,
                            const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                            const float* HWY_RESTRICT wx, VF& scale, VF& inverse, VF& best) {
  const size_t lanes = hn::Lanes(df);
  const float n0 = NumeratorOfStep<kMax>(step0);
  const float n1 = NumeratorOfStep<kMax>(step1);
  const auto trial0 = kCorrected ? CorrectedQuotient(df, n0, largest, reciprocal)
                                 : hn::Div(hn::Set(df, n0), largest);
  const auto trial1 = kCorrected ? CorrectedQuotient(df, n1, largest, reciprocal)
                                 : hn::Div(hn::Set(df, n1), largest);
  auto xl0 = hn::Zero(df), l20 = hn::Zero(df), xl1 = hn::Zero(df), l21 = hn::Zero(df);
  HWY_UNROLL(4)
  for (size_t i = 0; i < kValues; ++i) {
    const auto vx = hn::LoadU(df, x + i * lanes);
    const auto vw = hn::LoadU(df, w + i * lanes);
    const auto vwx = hn::LoadU(df, wx + i * lanes);
    AddMoments<kMax, kRounding>(df, trial0, vx, vw, vwx, xl0, l20);
    AddMoments<kMax, kRounding>(df, trial1, vx, vw, vwx, xl1, l21);
  }
  KeepBetter(df, trial0, xl0, l20, scale, inverse, best);
  KeepBetter(df, trial1, xl1, l21, scale, inverse, best);
}

// What SearchSigned does after the first maximum.
template <int kMax, size_t kValues, bool kFinite, bool kCorrected, class DF, class VF>
HWY_INLINE void TryAllSteps(DF df, VF largest, const float* HWY_RESTRICT x,
                            const float* HWY_RESTRICT w, const float* HWY_RESTRICT wx, VF& scale,
                            VF& inverse) {
  constexpr Rounding kInside = kFinite ? Rounding::kInside : Rounding::kAnything;
  constexpr Rounding kTop = kFinite ? Rounding::kReachesTop : Rounding::kAnything;
  constexpr Rounding kBoth = kFinite ? Rounding::kReachesBoth : Rounding::kAnything;
  const size_t lanes = hn::Lanes(df);
  const auto reciprocal = hn::Div(hn::Set(df, 1.0f), largest);

  inverse = hn::Div(hn::Set(df, NumeratorOfStep<kMax>(0)), largest);
  auto xl = hn::Zero(df), l2 = hn::Zero(df);
  for (size_t i = 0; i < kValues; ++i) {
    AddMoments<kMax, kTop>(df, inverse, hn::LoadU(df, x + i * lanes), hn::LoadU(df, w + i * lanes),
                           hn::LoadU(df, wx + i * lanes), xl, l2);
  }
  // Not Ne: a sum that is NaN counts as nonzero.
  scale = hn::IfThenZeroElse(hn::Eq(l2, hn::Zero(df)), hn::Div(xl, l2));
  VF best = hn::Mul(scale, xl);

  // |inverse * x| is at most kMax - 0.6 up to step -6, kMax + 0.4 up to 4, kMax + 0.9 at the end.
  for (int step = -9; step < -6; step += 2) {
    TryTwoSteps<kMax, kValues, kInside, kCorrected>(df, step, step + 1, largest, reciprocal, x, w,
                                                    wx, scale, inverse, best);
  }
  for (int step = -5; step < -2; step += 2) {
    TryTwoSteps<kMax, kValues, kTop, kCorrected>(df, step, step + 1, largest, reciprocal, x, w, wx,
                                                 scale, inverse, best);
  }
  TryTwoSteps<kMax, kValues, kTop, kCorrected>(df, -1, 1, largest, reciprocal, x, w, wx, scale,
                                               inverse, best);
  TryTwoSteps<kMax, kValues, kTop, kCorrected>(df, 2, 3, largest, reciprocal, x, w, wx, scale,
                                               inverse, best);
  for (int step = 4; step < 9; step += 2) {
    TryTwoSteps<kMax, kValues, kBoth, kCorrected>(df, step, step + 1, largest, reciprocal, x, w, wx,
                                                  scale, inverse, best);
  }
}

// SearchSigned in every lane: `scale` as returned there, `inverse` so that the codes are
// clamp(rint(inverse * x), -kMax, kMax - 1) + kMax. Returns the lanes where all values are tiny:
// there both are 0, and so are the codes. kFinite: x is finite.
template <int kMax, size_t kValues, bool kFinite, class DF, class VF>
HWY_INLINE hn::Mask<DF> SearchSignedLanes(DF df, const float* HWY_RESTRICT x,
                                          const float* HWY_RESTRICT w, const float* HWY_RESTRICT wx,
                                          VF& scale, VF& inverse) {
  VF largest, magnitude;
  FirstLargestLanes(df, kValues, x, largest, magnitude);
  if (kFinite && hn::AllTrue(df, hn::Lt(magnitude, hn::Set(df, kCorrectedLimit)))) {
    TryAllSteps<kMax, kValues, kFinite, true>(df, largest, x, w, wx, scale, inverse);
  } else {
    TryAllSteps<kMax, kValues, kFinite, false>(df, largest, x, w, wx, scale, inverse);
  }
  const auto tiny = hn::Lt(magnitude, hn::Set(df, kTinyMagnitude));
  scale = hn::IfThenZeroElse(tiny, scale);
  inverse = hn::IfThenZeroElse(tiny, inverse);
  return tiny;
}

// The scales of up to one block per lane as integers: codes clamp(rint(s * -kMax / largest), -kMax,
// kMax - 1) of the block scale d = -largest / kMax, `largest` being the FirstLargest of the block's
// 16 scales and `magnitudes` its magnitude. codes: 16 per block; d: in binary16.
template <int kMax, class DF>
HWY_INLINE void QuantizeScalesLanes(DF df, const float* HWY_RESTRICT scales, size_t num_blocks,
                                    int8_t* HWY_RESTRICT codes, uint16_t* HWY_RESTRICT d,
                                    float* HWY_RESTRICT magnitudes) {
  constexpr size_t kScales = 16;
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float transposed[kScales * kMaxLanes];
  HWY_ALIGN int32_t integers[kMaxLanes];
  LoadBlocksToLanes(df, scales, kScales, num_blocks, kScales, transposed);
  hn::Vec<DF> largest, magnitude;
  FirstLargestLanes(df, kScales, transposed, largest, magnitude);
  hn::StoreU(magnitude, df, magnitudes);
  const auto inverse = hn::Div(hn::Set(df, static_cast<float>(-kMax)), largest);
  for (size_t i = 0; i < kScales; ++i) {
    const auto scale = hn::LoadU(df, transposed + i * lanes);
    const auto code = SignedCodeLanes<kMax, Rounding::kAnything>(df, hn::Mul(inverse, scale));
    hn::StoreU(hn::ConvertTo(di, code), di, integers);
    for (size_t k = 0; k < num_blocks; ++k) {
      codes[k * kScales + i] = static_cast<int8_t>(integers[k]);
    }
  }
  hn::StoreU(F16Bits(df, hn::Div(hn::Set(df, 1.0f), inverse)), di, integers);
  for (size_t k = 0; k < num_blocks; ++k) d[k] = static_cast<uint16_t>(integers[k]);
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
