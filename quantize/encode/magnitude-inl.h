// Largest magnitudes, and ternary codes against them.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Largest |x| of kValues values, a multiple of Lanes(df).
template <size_t kValues, class DF>
HWY_INLINE float LargestMagnitudeOf(DF df, const float* HWY_RESTRICT x) {
  auto largest = hn::Abs(hn::LoadU(df, x));
  HWY_UNROLL(16)
  for (size_t i = hn::Lanes(df); i < kValues; i += hn::Lanes(df)) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(df, x + i)));
  }
  return hn::GetLane(hn::MaxOfLanes(df, largest));
}

// sum + unit * (v rounded to -1, 0 or 1, halves away from zero); |v| < 1.5. Comparing rounds
// exactly, where adding 0.5 would not.
template <class DI, class VF>
HWY_INLINE hn::Vec<DI> AddTrit(DI di, VF v, hn::Vec<DI> unit, hn::Vec<DI> sum) {
  const hn::RebindToFloat<DI> df;
  const auto up = hn::RebindMask(di, hn::Ge(v, hn::Set(df, 0.5f)));
  const auto down = hn::RebindMask(di, hn::Le(v, hn::Set(df, -0.5f)));
  return hn::Sub(hn::Add(sum, hn::IfThenElseZero(up, unit)), hn::IfThenElseZero(down, unit));
}

// Stores lanes of 0 to 255 as bytes.
template <class DI>
HWY_INLINE void StoreBytes(DI /* di */, hn::Vec<DI> v, uint8_t* HWY_RESTRICT out) {
  const hn::RebindToUnsigned<DI> du;
  const hn::Rebind<uint8_t, DI> d8;
  hn::StoreU(hn::U8FromU32(hn::BitCast(du, v)), d8, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
