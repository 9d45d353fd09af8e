// Row decoders of the ternary types.

#include <cstring>

#include "formats/codec/rows.h"
#include "formats/codec/tq1_0.h"
#include "formats/codec/tq2_0.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/rows_ternary.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "formats/codec/codes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#if GGUF_HAVE_CODES

// 0xFF in bytes that are at least kLeast.
template <uint8_t kLeast>
HWY_INLINE I8 MaskAtLeast(U8 bytes) {
  return Signed(hn::VecFromMask(DU8(), hn::Eq(hn::Max(bytes, hn::Set(DU8(), kLeast)), bytes)));
}

// The first digit of a base-3 fraction, less one: the fraction is at least 1/3, at least 2/3.
HWY_INLINE I8 FirstDigitLessOne(U8 fractions) {
  const I8 digit = hn::Add(MaskAtLeast<86>(fractions), MaskAtLeast<171>(fractions));
  return hn::Sub(hn::Set(DI8(), -1), digit);
}

// The fraction after its first digit is removed.
HWY_INLINE U8 TimesThree(U8 fractions) { return hn::Add(fractions, hn::Add(fractions, fractions)); }

// Digit n of 16 bytes goes to out + n * stride.
template <class Out>
HWY_INLINE void StoreDigits(U8 fractions, float d, size_t stride, Out out) {
  for (int n = 0; n < 5; ++n) {
    StoreScaled(FirstDigitLessOne(fractions), d, out + n * stride);
    fractions = TimesThree(fractions);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockTQ1_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  StoreDigits(LoadBytes(block.qs), d, 32, out);
  StoreDigits(LoadBytes(block.qs + 16), d, 32, out + 16);
  StoreDigits(LoadBytes(block.qs + 32), d, 16, out + 160);

  // qh: four bytes, with digit n in lane n.
  uint32_t word;
  std::memcpy(&word, block.qh, sizeof(word));
  const DU32 d32;
  const U8 shift0 = hn::BitCast(DU8(), hn::Set(d32, word));
  const U8 shift1 = TimesThree(shift0);
  const U8 shift2 = TimesThree(shift1);
  const U8 shift3 = TimesThree(shift2);
  const auto low = hn::InterleaveLower(d32, hn::BitCast(d32, shift0), hn::BitCast(d32, shift1));
  const auto high = hn::InterleaveLower(d32, hn::BitCast(d32, shift2), hn::BitCast(d32, shift3));
  const auto all = hn::InterleaveLower(DU64(), hn::BitCast(DU64(), low), hn::BitCast(DU64(), high));
  StoreScaled(FirstDigitLessOne(hn::BitCast(DU8(), all)), d, out + 240);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockTQ2_0& block, Out out) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < 64; i += 16) {
    const U8 qs = LoadBytes(block.qs + i);
    const Out to = out + i / 32 * 128 + i % 32;
    StoreScaled(Minus(Field<0, 0, 3>(qs), 1), d, to);
    StoreScaled(Minus(Field<2, 0, 3>(qs), 1), d, to + 32);
    StoreScaled(Minus(Field<4, 0, 3>(qs), 1), d, to + 64);
    StoreScaled(Minus(Field<6, 0, 3>(qs), 1), d, to + 96);
  }
}

#endif  // GGUF_HAVE_CODES

#define GGUF_ROW_TYPES(X) X(TQ1_0) X(TQ2_0)
GGUF_ROW_TYPES(GGUF_DEFINE_ROW)

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
GGUF_ROW_TYPES(GGUF_EXPORT_ROW)
}  // namespace gguf
#endif  // HWY_ONCE
