// NearestFp4 for vectors, and the bytes of blocks.
//
// x is multiplied by a factor just below 2 / half_scale, so that |x| > midpoint * half_scale holds
// exactly where the product is >= 2 * midpoint, for every midpoint between neighbouring codes and
// every half_scale with a significand of four bits (nvfp4_test.cc tries all). Twice a midpoint is
// an integer up to 20: the product without its fraction decides the code, and fits in a byte.
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
#include <cstring>

#include "gguf/base/float16.h"
#include "hwy/highway.h"
#include "quantize/encode/fp4.h"
#include "quantize/encode/truncate-inl.h"

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
  const auto mantissa = TruncateLanes(df, hn::Min(scaled, hn::Set(df, 7.0f)));
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

// The factor of the scale of MXFP4, 2 / 2^(e - 128) and one float less; e is usual (fp4.h).
HWY_INLINE float Fp4FactorOfE8M0(uint8_t e) { return FloatOf(((256u - e) << 23) - 1); }

// The codes of bytes q, products without their fractions, |q| < 64.
template <class D8>
HWY_INLINE hn::Vec<D8> Fp4CodesOfProducts(D8 d8, hn::Vec<D8> q) {
  const hn::RebindToSigned<D8> di8;
  const hn::Repartition<uint16_t, D8> d16;
  // From 20 on, twice the midpoint between 8 and 12, the code is 7.
  alignas(16) static constexpr uint8_t kCodes[16] = {0, 1, 1, 2, 2, 3, 3, 4,
                                                     4, 4, 5, 5, 5, 5, 6, 6};
  const auto magnitude = hn::BitCast(d8, hn::Abs(hn::BitCast(di8, q)));
  const auto index = hn::Min(magnitude, hn::Set(d8, 15));
  const auto below_top = hn::TableLookupBytes(hn::LoadDup128(d8, kCodes), index);
  const auto is_top = hn::Gt(hn::BitCast(di8, magnitude), hn::Set(di8, 19));
  const auto code = hn::IfThenElse(hn::RebindMask(d8, is_top), hn::Set(d8, 7), below_top);
  // A negative q is at most -1: its code is not 0.
  const auto sign = hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, q)));
  return hn::OrAnd(code, sign, hn::Set(d8, 8));
}

// The codes of Lanes(df) values each at a, b, c and d, by their factors, for |x| < 32 *
// half_scale. Every 16 bytes hold, of four successive values each, a0 c0 a1 c1 .. a3 c3 b0 d0 ..
// b3 d3.
template <class DF>
HWY_INLINE hn::Vec<hn::Repartition<uint8_t, DF>> Fp4CodesOfFour(
    DF df, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, const float* HWY_RESTRICT c,
    const float* HWY_RESTRICT d, float fa, float fb, float fc, float fd) {
  const hn::Repartition<uint8_t, DF> d8;
  const hn::Repartition<int16_t, DF> d16;
  const auto qa = TruncateLanes(df, hn::Mul(hn::LoadU(df, a), hn::Set(df, fa)));
  const auto qb = TruncateLanes(df, hn::Mul(hn::LoadU(df, b), hn::Set(df, fb)));
  const auto qc = TruncateLanes(df, hn::Mul(hn::LoadU(df, c), hn::Set(df, fc)));
  const auto qd = TruncateLanes(df, hn::Mul(hn::LoadU(df, d), hn::Set(df, fd)));
  const auto ab = hn::ReorderDemote2To(d16, qa, qb);
  const auto cd = hn::ReorderDemote2To(d16, qc, qd);
  const auto bytes = hn::OrAnd(hn::ShiftLeft<8>(cd), ab, hn::Set(d16, 0xFF));
  return Fp4CodesOfProducts(d8, hn::BitCast(d8, bytes));
}

// The bytes of two blocks of MXFP4, whose second may be the first again.
HWY_INLINE void StoreMXFP4Codes(const float* HWY_RESTRICT x0, const float* HWY_RESTRICT x1,
                                float f0, float f1, uint8_t* HWY_RESTRICT qs0,
                                uint8_t* HWY_RESTRICT qs1) {
  constexpr size_t kHalf = 16;
  const hn::CappedTag<float, kHalf> df;
  const hn::Repartition<uint8_t, decltype(df)> d8;
  const hn::Repartition<uint16_t, decltype(df)> d16;
  const hn::RebindToUnsigned<decltype(df)> du;
  constexpr size_t kLanes = hn::MaxLanes(df);
  // The pairs of a block, then those of the other, in every 16 bytes and in all.
  alignas(16) static constexpr uint8_t kEven[16] = {0, 2, 4, 6, 8, 10, 12, 14,
                                                    0, 2, 4, 6, 8, 10, 12, 14};
  alignas(64) static constexpr int32_t kQuads[3][16] = {
      {0, 1, 0, 0}, {0, 4, 1, 5, 0, 0, 0, 0}, {0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0}};
  const auto quads = hn::SetTableIndices(du, kQuads[kLanes / 8]);
  for (size_t j = 0; j < kHalf; j += kLanes) {
    const auto codes =
        Fp4CodesOfFour(df, x0 + j, x1 + j, x0 + kHalf + j, x1 + kHalf + j, f0, f1, f0, f1);
    const auto pairs = hn::Or(codes, hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, codes))));
    const auto even = hn::TableLookupBytes(pairs, hn::LoadDup128(d8, kEven));
    HWY_ALIGN uint32_t both[kLanes];
    hn::Store(hn::TableLookupLanes(hn::BitCast(du, even), quads), du, both);
    std::memcpy(qs1 + j, reinterpret_cast<const uint8_t*>(both) + kLanes, kLanes);
    std::memcpy(qs0 + j, both, kLanes);
  }
}

// The bytes of a block of NVFP4 by the scales of its four groups: values j and j + 8 of each share
// a byte.
HWY_INLINE void StoreNVFP4Codes(const float* HWY_RESTRICT x, const uint8_t* HWY_RESTRICT scales,
                                uint8_t* HWY_RESTRICT qs) {
  const float f0 = kFp4Factors.of_ue4m3[scales[0]];
  const float f1 = kFp4Factors.of_ue4m3[scales[1]];
  const float f2 = kFp4Factors.of_ue4m3[scales[2]];
  const float f3 = kFp4Factors.of_ue4m3[scales[3]];
  constexpr size_t kGroup = 16;
  const hn::CappedTag<float, kGroup> df;
  const hn::Repartition<uint8_t, decltype(df)> d8;
  const hn::Full128<uint8_t> d128;
  const hn::Full128<uint32_t> d32;
  alignas(16) static constexpr uint8_t kGroups[16] = {0, 2,  4,  6,  1, 3,  5,  7,
                                                      8, 10, 12, 14, 9, 11, 13, 15};
  // Every 16 bytes hold four successive values of each group.
  if constexpr (hn::MaxLanes(df) == 16) {
    const hn::Half<decltype(d8)> half;
    const hn::Repartition<uint32_t, decltype(half)> half32;
    alignas(32) static constexpr int32_t kQuads[8] = {0, 4, 1, 5, 2, 6, 3, 7};
    const auto codes =
        Fp4CodesOfFour(df, x, x + 2 * kGroup, x + kGroup, x + 3 * kGroup, f0, f2, f1, f3);
    const auto high = hn::ShiftLeft<4>(hn::BitCast(half32, hn::UpperHalf(half, codes)));
    const auto pairs = hn::Or(hn::LowerHalf(half, codes), hn::BitCast(half, high));
    const auto quads =
        hn::BitCast(half32, hn::TableLookupBytes(pairs, hn::LoadDup128(half, kGroups)));
    const auto sorted = hn::TableLookupLanes(quads, hn::SetTableIndices(half32, kQuads));
    hn::StoreU(hn::BitCast(half, sorted), half, qs);
    return;
  }
  HWY_ALIGN uint8_t codes[4 * kGroup];
  for (size_t j = 0; j < kGroup; j += hn::Lanes(df)) {
    hn::Store(Fp4CodesOfFour(df, x + j, x + 2 * kGroup + j, x + kGroup + j, x + 3 * kGroup + j, f0,
                             f2, f1, f3),
              d8, codes + 4 * j);
  }
  const auto order = hn::Load(d128, kGroups);
  const auto pairs = [&](const uint8_t* low) HWY_ATTR {
    const auto high = hn::ShiftLeft<4>(hn::BitCast(d32, hn::Load(d128, low + 32)));
    const auto both = hn::Or(hn::BitCast(d32, hn::Load(d128, low)), high);
    return hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d128, both), order));
  };
  const auto first = pairs(codes);
  const auto second = pairs(codes + 16);
  hn::StoreU(hn::BitCast(d128, hn::InterleaveLower(d32, first, second)), d128, qs);
  hn::StoreU(hn::BitCast(d128, hn::InterleaveUpper(d32, first, second)), d128, qs + 16);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
