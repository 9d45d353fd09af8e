// Row decoders of the K types.

#include <cstring>

#include "formats/codec/q2_k.h"
#include "formats/codec/q3_k.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q5_k.h"
#include "formats/codec/q6_k.h"
#include "formats/codec/q8_k.h"
#include "formats/codec/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/rows_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "formats/codec/codes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#if GGUF_HAVE_CODES

// Q2_K: 32 bytes of qs hold four quarters of 32 values; kQuarter counts through the block.
template <int kQuarter, class Out>
HWY_INLINE void QuarterQ2_K(const BlockQ2_K& block, const float* scales, const float* minimums,
                            Out out) {
  for (int l = 0; l < 2; ++l) {
    const int b = 2 * kQuarter + l;
    const U8 qs = LoadBytes(block.qs + kQuarter / 4 * 32 + 16 * l);
    StoreAffine(Field<kQuarter % 4 * 2, 0, 3>(qs), scales[b], minimums[b], out + 16 * b);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ2_K& block, Out out) {
  alignas(64) float scales[16];
  alignas(64) float minimums[16];
  const U8 codes = LoadBytes(block.scales);
  StoreScaled(LowNibbles(codes), HalfToFloat(block.d), scales);
  StoreScaled(HighNibbles(codes), HalfToFloat(block.dmin), minimums);
  QuarterQ2_K<0>(block, scales, minimums, out);
  QuarterQ2_K<1>(block, scales, minimums, out);
  QuarterQ2_K<2>(block, scales, minimums, out);
  QuarterQ2_K<3>(block, scales, minimums, out);
  QuarterQ2_K<4>(block, scales, minimums, out);
  QuarterQ2_K<5>(block, scales, minimums, out);
  QuarterQ2_K<6>(block, scales, minimums, out);
  QuarterQ2_K<7>(block, scales, minimums, out);
}

template <int kQuarter, class Out>
HWY_INLINE void QuarterQ3_K(const BlockQ3_K& block, const float* scales, Out out) {
  for (int l = 0; l < 2; ++l) {
    const int b = 2 * kQuarter + l;
    const U8 low = Field<kQuarter % 4 * 2, 0, 3>(LoadBytes(block.qs + kQuarter / 4 * 32 + 16 * l));
    const U8 high = Field<kQuarter, 2, 4>(LoadBytes(block.hmask + 16 * l));
    StoreScaled(Minus(hn::Or(low, high), 4), scales[b], out + 16 * b);
  }
}

// The 16 codes of Q3_KScale: nibbles of words 0 and 1, two bits each of word 2.
HWY_INLINE I8 ScaleCodesQ3_K(const uint8_t* scales) {
  uint32_t words[3];
  std::memcpy(words, scales, sizeof(words));
  alignas(16) uint32_t codes[4];
  for (int i = 0; i < 4; ++i) {
    codes[i] = ((words[i % 2] >> (i / 2 * 4)) & 0x0F0F0F0Fu) | ((words[2] >> (2 * i)) & 0x03030303u)
                                                                   << 4;
  }
  return Minus(hn::BitCast(DU8(), hn::Load(DU32(), codes)), 32);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ3_K& block, Out out) {
  alignas(64) float scales[16];
  StoreScaled(ScaleCodesQ3_K(block.scales), HalfToFloat(block.d), scales);
  QuarterQ3_K<0>(block, scales, out);
  QuarterQ3_K<1>(block, scales, out);
  QuarterQ3_K<2>(block, scales, out);
  QuarterQ3_K<3>(block, scales, out);
  QuarterQ3_K<4>(block, scales, out);
  QuarterQ3_K<5>(block, scales, out);
  QuarterQ3_K<6>(block, scales, out);
  QuarterQ3_K<7>(block, scales, out);
}

// Eight scales, then eight minimums, of Q4_K and Q5_K: KScale and KMinimum four at a time.
template <class Block>
HWY_INLINE void ScalesOf(const Block& block, float* scales, float* minimums) {
  uint32_t words[3];
  std::memcpy(words, block.scales, sizeof(words));
  alignas(16) const uint32_t codes[4] = {
      words[0] & 0x3F3F3F3Fu,
      (words[2] & 0x0F0F0F0Fu) | ((words[0] >> 6) & 0x03030303u) << 4,
      words[1] & 0x3F3F3F3Fu,
      ((words[2] >> 4) & 0x0F0F0F0Fu) | ((words[1] >> 6) & 0x03030303u) << 4,
  };
  const hn::FixedTag<float, 4> d4;
  const hn::FixedTag<uint8_t, 4> b4;
  const auto scaled = [&](int i, float factor, float* to) HWY_ATTR {
    const auto bytes = hn::LoadU(b4, reinterpret_cast<const uint8_t*>(codes + i));
    const auto values = hn::ConvertTo(d4, hn::PromoteTo(hn::RebindToSigned<decltype(d4)>(), bytes));
    hn::Store(hn::Mul(values, hn::Set(d4, factor)), d4, to);
  };
  const float d = HalfToFloat(block.d);
  const float dmin = HalfToFloat(block.dmin);
  scaled(0, d, scales);
  scaled(1, d, scales + 4);
  scaled(2, dmin, minimums);
  scaled(3, dmin, minimums + 4);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ4_K& block, Out out) {
  alignas(64) float scales[8];
  alignas(64) float minimums[8];
  ScalesOf(block, scales, minimums);
  for (int b = 0; b < 8; b += 2, out += 64) {
    for (int l = 0; l < 32; l += 16) {
      const U8 qs = LoadBytes(block.qs + 16 * b + l);
      StoreAffine(LowNibbles(qs), scales[b], minimums[b], out + l);
      StoreAffine(HighNibbles(qs), scales[b + 1], minimums[b + 1], out + 32 + l);
    }
  }
}

template <int kPair, class Out>
HWY_INLINE void PairQ5_K(const BlockQ5_K& block, const float* scales, const float* minimums,
                         Out out) {
  constexpr int b = 2 * kPair;
  for (int l = 0; l < 32; l += 16) {
    const U8 qs = LoadBytes(block.qs + 32 * kPair + l);
    const U8 qh = LoadBytes(block.qh + l);
    const U8 even = hn::Or(LowNibbles(qs), Field<b, 4, 16>(qh));
    const U8 odd = hn::Or(HighNibbles(qs), Field<b + 1, 4, 16>(qh));
    StoreAffine(even, scales[b], minimums[b], out + 64 * kPair + l);
    StoreAffine(odd, scales[b + 1], minimums[b + 1], out + 64 * kPair + 32 + l);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ5_K& block, Out out) {
  alignas(64) float scales[8];
  alignas(64) float minimums[8];
  ScalesOf(block, scales, minimums);
  PairQ5_K<0>(block, scales, minimums, out);
  PairQ5_K<1>(block, scales, minimums, out);
  PairQ5_K<2>(block, scales, minimums, out);
  PairQ5_K<3>(block, scales, minimums, out);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ6_K& block, Out out) {
  alignas(64) float scales[16];
  StoreScaled(hn::LoadU(DI8(), block.scales), HalfToFloat(block.d), scales);
  for (int half = 0; half < 2; ++half) {
    for (int l = 0; l < 2; ++l) {
      const float* scale = scales + 8 * half + l;
      const Out to = out + 128 * half + 16 * l;
      const U8 ql0 = LoadBytes(block.ql + 64 * half + 16 * l);
      const U8 ql1 = LoadBytes(block.ql + 64 * half + 32 + 16 * l);
      const U8 qh = LoadBytes(block.qh + 32 * half + 16 * l);
      StoreScaled(Minus(hn::Or(LowNibbles(ql0), Field<0, 4, 0x30>(qh)), 32), scale[0], to);
      StoreScaled(Minus(hn::Or(LowNibbles(ql1), Field<2, 4, 0x30>(qh)), 32), scale[2], to + 32);
      StoreScaled(Minus(hn::Or(HighNibbles(ql0), Field<4, 4, 0x30>(qh)), 32), scale[4], to + 64);
      StoreScaled(Minus(hn::Or(HighNibbles(ql1), Field<6, 4, 0x30>(qh)), 32), scale[6], to + 96);
    }
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ8_K& block, Out out) {
  const float d = block.d;
  for (int j = 0; j < 256; j += 16) StoreScaled(hn::LoadU(DI8(), block.qs + j), d, out + j);
}

#endif  // GGUF_HAVE_CODES

#define GGUF_ROW_TYPES(X) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(Q8_K)
GGUF_ROW_TYPES(GGUF_DEFINE_ROW)

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
GGUF_ROW_TYPES(GGUF_EXPORT_ROW)
}  // namespace gguf
#endif  // HWY_ONCE
