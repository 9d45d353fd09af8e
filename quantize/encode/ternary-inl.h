// Codes of a block by the inverse of its scale, in the bytes of TQ1_0, TQ2_0 and Q2_0: the
// functions of ternary.h, vectorized.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TERNARY_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/ternary.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// sum + unit * (v rounded to -1, 0 or 1, halves away from zero). Comparing rounds exactly, where
// adding 0.5 would not.
template <class DI, class VF>
HWY_INLINE hn::Vec<DI> AddTrit(DI di, VF v, hn::Vec<DI> unit, hn::Vec<DI> sum) {
  const hn::RebindToFloat<DI> df;
  const auto up = hn::RebindMask(di, hn::Ge(v, hn::Set(df, 0.5f)));
  const auto down = hn::RebindMask(di, hn::Le(v, hn::Set(df, -0.5f)));
  sum = hn::IfThenElse(up, hn::Add(sum, unit), sum);
  return hn::IfThenElse(down, hn::Sub(sum, unit), sum);
}

// Stores lanes of 0 to 255 as bytes.
template <class DI>
HWY_INLINE void StoreBytes(DI /* di */, hn::Vec<DI> v, uint8_t* HWY_RESTRICT out) {
  const hn::RebindToUnsigned<DI> du;
  const hn::Rebind<uint8_t, DI> d8;
  hn::StoreU(hn::U8FromU32(hn::BitCast(du, v)), d8, out);
}

// Bytes of `count` columns of kDigits digits, digit n of column j from x[n * count + j].
template <size_t kDigits, class DF>
HWY_INLINE void StoreDigits(DF df, const float* HWY_RESTRICT x, float inverse, size_t count,
                            uint8_t* HWY_RESTRICT out) {
  const hn::RebindToSigned<DF> di;
  const auto id = hn::Set(df, inverse);
  for (size_t j = 0; j < count; j += hn::Lanes(df)) {
    const float* HWY_RESTRICT q = x + j;
    // A missing fifth digit is 0, not the middle.
    auto sum = hn::Set(di, kDigits == 5 ? kTritsMiddle : kTritsMiddle - 1);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q), id), hn::Set(di, 81), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + count), id), hn::Set(di, 27), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 2 * count), id), hn::Set(di, 9), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 3 * count), id), hn::Set(di, 3), sum);
    if (kDigits == 5) {
      sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 4 * count), id), hn::Set(di, 1), sum);
    }
    const auto scaled = hn::Add(hn::Mul(sum, hn::Set(di, kTritsFactor)), hn::Set(di, kTritsOffset));
    StoreBytes(di, hn::ShiftRight<kTritsShift>(scaled), out + j);
  }
}

// The bytes of 256 values.
HWY_INLINE void StoreTQ1_0Codes(const float* HWY_RESTRICT x, float inverse,
                                uint8_t* HWY_RESTRICT qs, uint8_t* HWY_RESTRICT qh) {
  const hn::CappedTag<float, 16> df;
  const hn::CappedTag<float, 4> d4;
  StoreDigits<5>(df, x, inverse, 32, qs);
  StoreDigits<5>(df, x + 160, inverse, 16, qs + 32);
  StoreDigits<4>(d4, x + 240, inverse, 4, qh);
}

// The bytes of 256 values.
HWY_INLINE void StoreTQ2_0Codes(const float* HWY_RESTRICT x, float inverse,
                                uint8_t* HWY_RESTRICT qs) {
  const hn::CappedTag<float, 16> df;
  const hn::RebindToSigned<decltype(df)> di;
  const auto id = hn::Set(df, inverse);
  for (size_t h = 0; h < 2; ++h) {
    for (size_t l = 0; l < 32; l += hn::Lanes(df)) {
      const float* HWY_RESTRICT q = x + 128 * h + l;
      auto byte = hn::Set(di, 0b01010101);
      byte = AddTrit(di, hn::Mul(hn::LoadU(df, q), id), hn::Set(di, 1), byte);
      byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 32), id), hn::Set(di, 4), byte);
      byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 64), id), hn::Set(di, 16), byte);
      byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 96), id), hn::Set(di, 64), byte);
      StoreBytes(di, byte, qs + 32 * h + l);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// The 128-bit blocks of v, or'ed.
template <class DI>
HWY_INLINE hn::Vec128<int32_t> OrOfBlocks(DI di, hn::Vec<DI> v) {
  if constexpr (hn::MaxLanes(di) > 4) {
    const hn::Half<DI> half;
    return OrOfBlocks(half, hn::Or(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

template <bool kReachesTwo, class DI, class VF>
HWY_INLINE hn::Vec<DI> AddQ2_0Code(DI di, VF v, hn::Vec<DI> unit, hn::Vec<DI> sum) {
  const hn::RebindToFloat<DI> df;
  sum = AddTrit(di, v, unit, sum);
  if constexpr (!kReachesTwo) return sum;
  const auto two = hn::RebindMask(di, hn::Ge(v, hn::Set(df, 1.5f)));
  return hn::IfThenElse(two, hn::Add(sum, unit), sum);
}

// The bytes of 64 values of Q2_0; kReachesTwo: v above 1.5 has code 3, otherwise 2. Four neighbours
// share a byte. Byte k of lane 4q + c is made of value
// 16k + 4q + c, at its place within byte 4k + q of the result.
template <bool kReachesTwo>
HWY_INLINE void StoreQ2_0Codes(const float* HWY_RESTRICT x, float inverse,
                               uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Full128<int32_t> d32;
  const hn::Full128<uint8_t> d8;
  alignas(16) static constexpr int32_t kUnits[4] = {1, 4, 16, 64};
  alignas(64) static constexpr int32_t kDiagonal[16] = {-1, 0, 0,  0, 0, -1, 0, 0,
                                                        0,  0, -1, 0, 0, 0,  0, -1};
  alignas(16) static constexpr uint8_t kTranspose[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                         2, 6, 10, 14, 3, 7, 11, 15};
  const auto id = hn::Set(df, inverse);
  const auto unit0 = hn::LoadDup128(di, kUnits);
  const auto unit1 = hn::ShiftLeft<8>(unit0);
  const auto unit2 = hn::ShiftLeft<16>(unit0);
  const auto unit3 = hn::ShiftLeft<24>(unit0);
  const auto middle = hn::Or(hn::Or(unit0, unit1), hn::Or(unit2, unit3));
  auto all = hn::Zero(d32);
  for (size_t j = 0; j < 16; j += hn::Lanes(df)) {
    auto sum = AddQ2_0Code<kReachesTwo>(di, hn::Mul(hn::LoadU(df, x + j), id), unit0, middle);
    sum = AddQ2_0Code<kReachesTwo>(di, hn::Mul(hn::LoadU(df, x + 16 + j), id), unit1, sum);
    sum = AddQ2_0Code<kReachesTwo>(di, hn::Mul(hn::LoadU(df, x + 32 + j), id), unit2, sum);
    sum = AddQ2_0Code<kReachesTwo>(di, hn::Mul(hn::LoadU(df, x + 48 + j), id), unit3, sum);
    sum = hn::Or(sum, hn::Shuffle1032(sum));
    sum = hn::Or(sum, hn::Shuffle2301(sum));
    all = hn::Or(all, OrOfBlocks(di, hn::And(sum, hn::LoadU(di, kDiagonal + j))));
  }
  hn::StoreU(hn::TableLookupBytes(hn::BitCast(d8, all), hn::Load(d8, kTranspose)), d8, out);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
