// Row decoders of the types with one scale per small block: Q4_0 to Q8_1, Q1_0, Q2_0.

#include "formats/codec/q1_0.h"
#include "formats/codec/q2_0.h"
#include "formats/codec/q4_0.h"
#include "formats/codec/q4_1.h"
#include "formats/codec/q5_0.h"
#include "formats/codec/q5_1.h"
#include "formats/codec/q8_0.h"
#include "formats/codec/q8_1.h"
#include "formats/codec/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/rows_legacy.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "formats/codec/codes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#if GGUF_HAVE_CODES

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ4_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  const U8 qs = LoadBytes(block.qs);
  StoreScaled(Minus(LowNibbles(qs), 8), d, out);
  StoreScaled(Minus(HighNibbles(qs), 8), d, out + 16);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ4_1& block, Out out) {
  const float d = HalfToFloat(block.d);
  const float minimum = -HalfToFloat(block.m);
  const U8 qs = LoadBytes(block.qs);
  StoreAffine(LowNibbles(qs), d, minimum, out);
  StoreAffine(HighNibbles(qs), d, minimum, out + 16);
}

// Bit 4 of 16 five-bit codes, from a bit each.
HWY_INLINE U8 FifthBits(uint32_t bits) {
  return hn::And(MaskOfBits(static_cast<uint16_t>(bits)), hn::Set(DU8(), 16));
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ5_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  const uint32_t qh = block.qh;
  const U8 qs = LoadBytes(block.qs);
  StoreScaled(Minus(hn::Or(LowNibbles(qs), FifthBits(qh)), 16), d, out);
  StoreScaled(Minus(hn::Or(HighNibbles(qs), FifthBits(qh >> 16)), 16), d, out + 16);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ5_1& block, Out out) {
  const float d = HalfToFloat(block.d);
  const float minimum = -HalfToFloat(block.m);
  const uint32_t qh = block.qh;
  const U8 qs = LoadBytes(block.qs);
  StoreAffine(hn::Or(LowNibbles(qs), FifthBits(qh)), d, minimum, out);
  StoreAffine(hn::Or(HighNibbles(qs), FifthBits(qh >> 16)), d, minimum, out + 16);
}

// Q8_0 and Q8_1
template <class Block, class Out>
HWY_INLINE void DecodeBytes(const Block& block, Out out) {
  const float d = HalfToFloat(block.d);
  StoreScaled(hn::LoadU(DI8(), block.qs), d, out);
  StoreScaled(hn::LoadU(DI8(), block.qs + 16), d, out + 16);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ8_0& block, Out out) {
  DecodeBytes(block, out);
}
template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ8_1& block, Out out) {
  DecodeBytes(block, out);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ1_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < 16; i += 2) {
    const uint16_t bits = static_cast<uint16_t>(block.qs[i] | block.qs[i + 1] << 8);
    StoreScaled(Minus(hn::And(MaskOfBits(bits), hn::Set(DU8(), 2)), 1), d, out + 8 * i);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockQ2_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  const U8 qs = LoadBytes(block.qs);
  const U8 code0 = Field<0, 0, 3>(qs);
  const U8 code1 = Field<2, 0, 3>(qs);
  const U8 code2 = Field<4, 0, 3>(qs);
  const U8 code3 = Field<6, 0, 3>(qs);
  // Code c of byte i goes to byte 4i + c.
  const DU16 d16;
  const auto low01 = hn::BitCast(d16, hn::InterleaveLower(DU8(), code0, code1));
  const auto low23 = hn::BitCast(d16, hn::InterleaveLower(DU8(), code2, code3));
  const auto high01 = hn::BitCast(d16, hn::InterleaveUpper(DU8(), code0, code1));
  const auto high23 = hn::BitCast(d16, hn::InterleaveUpper(DU8(), code2, code3));
  const auto store = [d](auto codes, Out to)
                         HWY_ATTR { StoreScaled(Minus(hn::BitCast(DU8(), codes), 1), d, to); };
  store(hn::InterleaveLower(d16, low01, low23), out);
  store(hn::InterleaveUpper(d16, low01, low23), out + 16);
  store(hn::InterleaveLower(d16, high01, high23), out + 32);
  store(hn::InterleaveUpper(d16, high01, high23), out + 48);
}

#endif  // GGUF_HAVE_CODES

#define GGUF_ROW_TYPES(X) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(Q8_1) X(Q1_0) X(Q2_0)
GGUF_ROW_TYPES(GGUF_DEFINE_ROW)

bool HaveCodes() { return GGUF_HAVE_CODES != 0; }

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
GGUF_ROW_TYPES(GGUF_EXPORT_ROW)

HWY_EXPORT(HaveCodes);
bool HasRowCodes() { return HWY_DYNAMIC_DISPATCH(HaveCodes)(); }
}  // namespace gguf
#endif  // HWY_ONCE
