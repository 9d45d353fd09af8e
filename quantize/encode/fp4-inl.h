// NearestFp4 for vectors, by comparing |x| with the midpoints between neighbouring codes.
//
// That equals the comparison of rounded distances: midpoints (at most six significant bits) are
// exact; from the second code on both distances to the neighbours of x are (Sterbenz); below the
// first midpoint the distance to the second code rounds to half of it or more, and of equal ones
// the lower code wins. Two cases are outside: a magnitude beyond twice the largest code, where
// distances to several codes can round to the same, and products that overflow.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// code + 1 where magnitude > half_scale * midpoint.
template <class DF, class VF, class VI>
HWY_INLINE VI StepAbove(DF df, VF magnitude, VF half_scale, float midpoint, VI code) {
  const hn::RebindToSigned<DF> di;
  const auto above = hn::Gt(magnitude, hn::Mul(half_scale, hn::Set(df, midpoint)));
  return hn::Add(code, hn::IfThenElseZero(hn::RebindMask(di, above), hn::Set(di, 1)));
}

// NearestFp4(x, half_scale) for |x| <= 24 * half_scale and 12 * half_scale finite. An infinite
// half_scale gives 0: so does a scale of 0, for which the caller passes it.
template <class DF, class VF>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> NearestFp4Lanes(DF df, VF x, VF half_scale) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const auto magnitude = hn::Abs(x);
  const auto sign =
      hn::And(hn::BitCast(di, hn::ShiftRight<28>(hn::BitCast(du, x))), hn::Set(di, 8));
  const auto not_zero =
      hn::RebindMask(di, hn::Gt(magnitude, hn::Mul(half_scale, hn::Set(df, 0.5f))));
  auto code = hn::IfThenElseZero(not_zero, hn::Or(sign, hn::Set(di, 1)));
  code = StepAbove(df, magnitude, half_scale, 1.5f, code);
  code = StepAbove(df, magnitude, half_scale, 2.5f, code);
  code = StepAbove(df, magnitude, half_scale, 3.5f, code);
  code = StepAbove(df, magnitude, half_scale, 5.0f, code);
  code = StepAbove(df, magnitude, half_scale, 7.0f, code);
  return StepAbove(df, magnitude, half_scale, 10.0f, code);
}

// Bytes of the codes of `low` and, in the upper four bits, `high`.
template <class DF, class VF>
HWY_INLINE void StoreFp4Pairs(DF df, VF low, VF high, VF half_scale, uint8_t* HWY_RESTRICT out) {
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint8_t, DF> d8;
  const auto pair = hn::Or(NearestFp4Lanes(df, low, half_scale),
                           hn::ShiftLeft<4>(NearestFp4Lanes(df, high, half_scale)));
  hn::StoreU(hn::U8FromU32(hn::BitCast(du, pair)), d8, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
