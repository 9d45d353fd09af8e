// NearestFp4 for vectors, four values to a lane, and the bytes of blocks.
//
// x is multiplied by a factor just below 8 / half_scale, so that |x| > midpoint * half_scale holds
// exactly where the product is >= 8 * midpoint, for every midpoint between neighbouring codes and
// every half_scale with a significand of four bits (nvfp4_test.cc tries all). Midpoints have two
// bits after the leading one: the exponent and two bits of mantissa of the product decide the code.
//
// Comparing with midpoints equals comparing the rounded distances: midpoints are exact; from the
// second code on both distances to the neighbours of x are (Sterbenz); below the first midpoint the
// distance to the second code rounds to half of it or more, and of equal ones the lower code wins.
// Outside are magnitudes beyond twice the largest code, where distances to several codes can round
// to the same, and products that overflow.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "gguf/base/float16.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// UE4M3OfScale in every lane.
template <class DF, class VF>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> UE4M3Lanes(DF df, VF v) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, v);
  const auto rounded =
      hn::Sub(hn::ShiftRight<20>(hn::Add(bits, hn::Set(di, 0x00080000))), hn::Set(di, 120 << 3));
  const auto normal =
      hn::IfThenElse(hn::Lt(rounded, hn::Set(di, 0x78)), rounded, hn::Set(di, 0x7E));
  const auto small = hn::Lt(bits, hn::Set(di, 121 << 23));
  // Large lanes would overflow the conversion.
  const auto scaled = hn::Add(hn::Mul(v, hn::Set(df, 512.0f)), hn::Set(df, 0.5f));
  const auto mantissa = hn::ConvertTo(di, hn::Min(scaled, hn::Set(df, 7.0f)));
  return hn::IfThenElse(small, mantissa, normal);
}

// UE4M3Half of 0x00 to 0x7E in every lane.
template <class DF, class VI>
HWY_INLINE hn::Vec<DF> UE4M3HalfLanes(DF df, VI bits) {
  const hn::RebindToSigned<DF> di;
  const auto subnormal = hn::Mul(hn::ConvertTo(df, bits), hn::Set(df, 0.0009765625f));  // 2^-10
  const auto normal = hn::BitCast(df, hn::Add(hn::ShiftLeft<20>(bits), hn::Set(di, 119 << 23)));
  return hn::IfThenElse(hn::RebindMask(df, hn::Lt(bits, hn::Set(di, 8))), subnormal, normal);
}

#if HWY_TARGET != HWY_SCALAR

// The factor of a scale: 8 / half_scale, one float lower. A factor of 0 gives code 0 throughout.
template <class DF, class VF>
HWY_INLINE VF Fp4FactorLanes(DF df, VF half_scale) {
  const hn::RebindToSigned<DF> di;
  const auto inverse = hn::Div(hn::Set(df, 8.0f), half_scale);
  return hn::BitCast(df, hn::Sub(hn::BitCast(di, inverse), hn::Set(di, 1)));
}

// Or's to byte kByte of `sum` what decides the code of x: in bits 0 to 4 the quarters of binades of
// the product from 2 on (3, just below 4: code 0), in bit 7 the sign.
template <int kByte, class DF, class VU>
HWY_INLINE VU AddSteps(DF df, const float* HWY_RESTRICT x, float factor, VU sum) {
  const hn::RebindToUnsigned<DF> du;
  const auto product = hn::Mul(hn::LoadU(df, x), hn::Set(df, factor));
  const auto sign_bits = hn::BitCast(du, product);
  // The exponent of 3.5 has only its highest bit set, which is not kept.
  const auto magnitude_bits = hn::BitCast(du, hn::Max(hn::Abs(product), hn::Set(df, 3.5f)));
  VU steps, sign;
  if constexpr (kByte == 3) {
    steps = hn::ShiftLeft<3>(magnitude_bits);
    sign = sign_bits;
  } else {
    steps = hn::ShiftRight<21 - 8 * kByte>(magnitude_bits);
    sign = hn::ShiftRight<24 - 8 * kByte>(sign_bits);
  }
  sum = hn::OrAnd(sum, steps, hn::Set(du, 0x1Fu << (8 * kByte)));
  return hn::OrAnd(sum, sign, hn::Set(du, 0x80u << (8 * kByte)));
}

// Lane i, byte k: NearestFp4(xk[i], half_scale of factor fk), for |x| <= 24 * half_scale.
template <class DF>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<DF>> NearestFp4OfFour(
    DF df, const float* HWY_RESTRICT x0, const float* HWY_RESTRICT x1, const float* HWY_RESTRICT x2,
    const float* HWY_RESTRICT x3, float f0, float f1, float f2, float f3) {
  const hn::RebindToUnsigned<DF> du;
  const hn::Repartition<uint8_t, DF> d8;
  // By steps - 6: code 2 from the midpoint 1.5 * 8 on, code 7 from 10 * 8 on, for example.
  alignas(16) static constexpr uint8_t kCodes[16] = {1, 1, 1, 1, 2, 2, 2, 3,
                                                     3, 4, 4, 5, 5, 6, 6, 7};
  auto sum = AddSteps<0>(df, x0, f0, hn::Zero(du));
  sum = AddSteps<1>(df, x1, f1, sum);
  sum = AddSteps<2>(df, x2, f2, sum);
  sum = AddSteps<3>(df, x3, f3, sum);
  const auto bytes = hn::BitCast(d8, sum);
  const auto steps = hn::And(bytes, hn::Set(d8, 0x1F));
  const auto index = hn::Min(hn::SaturatedSub(steps, hn::Set(d8, 6)), hn::Set(d8, 15));
  const auto code = hn::TableLookupBytes(hn::LoadDup128(d8, kCodes), index);
  const auto sign = hn::BitCast(d8, hn::And(hn::ShiftRight<4>(sum), hn::Set(du, 0x08080808u)));
  const auto is_zero = hn::Eq(steps, hn::Set(d8, 3));
  return hn::BitCast(du, hn::IfThenZeroElse(is_zero, hn::Or(code, sign)));
}

// Fp4FactorLanes of the scale of MXFP4, 8 / 2^(e - 128) and one float less; e is usual (fp4.h).
HWY_INLINE float Fp4FactorOfE8M0(uint8_t e) { return FloatOf(((258u - e) << 23) - 1); }

// The bytes of two blocks of MXFP4, whose second may be the first again.
HWY_INLINE void StoreMXFP4Codes(const float* HWY_RESTRICT x0, const float* HWY_RESTRICT x1,
                                float f0, float f1, uint8_t* HWY_RESTRICT qs0,
                                uint8_t* HWY_RESTRICT qs1) {
  constexpr size_t kHalf = 16;
  const hn::CappedTag<float, kHalf> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<uint8_t, decltype(df)> d8;
  const auto low_byte = hn::Set(du, 0xFF);
  for (size_t j = 0; j < kHalf; j += hn::Lanes(df)) {
    const auto codes =
        NearestFp4OfFour(df, x0 + j, x0 + kHalf + j, x1 + j, x1 + kHalf + j, f0, f0, f1, f1);
    const auto pairs = hn::Or(codes, hn::ShiftRight<4>(codes));  // in bytes 0 and 2
    hn::StoreU(hn::U8FromU32(hn::And(hn::ShiftRight<16>(pairs), low_byte)), d8, qs1 + j);
    hn::StoreU(hn::U8FromU32(hn::And(pairs, low_byte)), d8, qs0 + j);
  }
}

// The bytes of a block of NVFP4 by the factors of its four groups: values j and j + 8 of each share
// a byte.
HWY_INLINE void StoreNVFP4Codes(const float* HWY_RESTRICT x, const float* HWY_RESTRICT factors,
                                uint8_t* HWY_RESTRICT qs) {
  constexpr size_t kGroup = 16;
  const hn::CappedTag<float, kGroup> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Full128<uint32_t> d32;
  const hn::Full128<uint8_t> d8;
  // Lane j: the codes of value j of the four groups.
  HWY_ALIGN uint32_t codes[kGroup];
  for (size_t j = 0; j < kGroup; j += hn::Lanes(df)) {
    hn::Store(NearestFp4OfFour(df, x + j, x + kGroup + j, x + 2 * kGroup + j, x + 3 * kGroup + j,
                               factors[0], factors[1], factors[2], factors[3]),
              du, codes + j);
  }
  const auto pairs0 = hn::Or(hn::Load(d32, codes), hn::ShiftLeft<4>(hn::Load(d32, codes + 8)));
  const auto pairs4 = hn::Or(hn::Load(d32, codes + 4), hn::ShiftLeft<4>(hn::Load(d32, codes + 12)));
  alignas(16) static constexpr uint8_t kTranspose[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                         2, 6, 10, 14, 3, 7, 11, 15};
  const auto transpose = hn::Load(d8, kTranspose);
  const auto first = hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, pairs0), transpose));
  const auto second = hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, pairs4), transpose));
  hn::StoreU(hn::BitCast(d8, hn::InterleaveLower(d32, first, second)), d8, qs);
  hn::StoreU(hn::BitCast(d8, hn::InterleaveUpper(d32, first, second)), d8, qs + 16);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
