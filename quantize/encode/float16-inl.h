// F32ToF16 and F32ToBF16 of gguf/base/float16.h for vectors, in integer arithmetic: the same bits
// on every instruction set, NaNs included.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FLOAT16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FLOAT16_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FLOAT16_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FLOAT16_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The binary16 patterns, in the low halves of 32-bit lanes.
template <class DF>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> F16Bits(DF df, hn::Vec<DF> v) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, v);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
  const auto biased = hn::Add(hn::Add(magnitude, odd), hn::Set(di, 0xFFF - 0x38000000));
  const auto normal = hn::Min(hn::ShiftRight<13>(biased), hn::Set(di, 0x7C00));
  // Below 2^-14, adding 0.5 leaves the value in units of 2^-24, rounded to even.
  const auto small =
      hn::Sub(hn::BitCast(di, hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5f))),
              hn::Set(di, 0x3F000000));
  const auto finite = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)), small, normal);
  const auto is_nan = hn::Gt(magnitude, hn::Set(di, 0x7F800000));
  return hn::Or(sign, hn::IfThenElse(is_nan, hn::Set(di, 0x7E00), finite));
}

template <class DF>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<DF>> BF16Bits(DF /* df */, hn::Vec<DF> v) {
  const hn::RebindToUnsigned<DF> du;
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(du, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto bias = hn::Add(hn::And(upper, hn::Set(du, 1)), hn::Set(du, 0x7FFF));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, bias));
  const auto magnitude = hn::BitCast(di, hn::And(bits, hn::Set(du, 0x7FFFFFFF)));
  const auto is_nan = hn::RebindMask(du, hn::Gt(magnitude, hn::Set(di, 0x7F800000)));
  return hn::IfThenElse(is_nan, hn::Or(upper, hn::Set(du, 0x40)), rounded);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
