// Row decoders of the grid types, IQ1 to IQ3.

#include <cstring>

#include "formats/codec/iq1_m.h"
#include "formats/codec/iq1_s.h"
#include "formats/codec/iq2_s.h"
#include "formats/codec/iq2_xs.h"
#include "formats/codec/iq2_xxs.h"
#include "formats/codec/iq3_s.h"
#include "formats/codec/iq3_xxs.h"
#include "formats/codec/rows.h"

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_KSIGN_MASKS
#define GGUF_TOOLCHAIN_FORMATS_CODEC_KSIGN_MASKS  // this file is included once per target
namespace gguf {
namespace {

// Per byte of kKsigns eight bytes: 0xFF where its bit is set.
struct KsignMasks {
  alignas(64) uint8_t bytes[128][8] = {};
  constexpr KsignMasks() {
    for (int i = 0; i < 128; ++i) {
      for (int j = 0; j < 8; ++j) bytes[i][j] = kKsigns[i] >> j & 1 ? 0xFF : 0;
    }
  }
};
constexpr KsignMasks kKsignMasks;

}  // namespace
}  // namespace gguf
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/rows_iq.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "formats/codec/codes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#if GGUF_HAVE_CODES

// Two grid rows of eight bytes.
HWY_INLINE U8 TwoRows(const void* row0, const void* row1) {
  const hn::FixedTag<uint64_t, 1> d;
  const auto low = hn::LoadU(d, static_cast<const uint64_t*>(row0));
  const auto high = hn::LoadU(d, static_cast<const uint64_t*>(row1));
  return hn::BitCast(DU8(), hn::Combine(DU64(), high, low));
}

// Four grid rows of four bytes, those of grid indices 0 to 3.
template <class GridRow>
HWY_INLINE U8 FourRows(GridRow grid_row) {
  const hn::FixedTag<uint32_t, 1> d;
  const hn::FixedTag<uint32_t, 2> d2;
  const auto load = [&](int i) HWY_ATTR {
    return hn::LoadU(d, reinterpret_cast<const uint32_t*>(grid_row(i)));
  };
  const auto low = hn::Combine(d2, load(1), load(0));
  const auto high = hn::Combine(d2, load(3), load(2));
  return hn::BitCast(DU8(), hn::Combine(DU32(), high, low));
}

// Grid values, at most 127, negated where a byte of the mask is 0xFF.
HWY_INLINE I8 Negated(U8 grid, U8 mask) {
  return hn::Sub(hn::Xor(Signed(grid), Signed(mask)), Signed(mask));
}

// Grid values negated where a bit is set.
HWY_INLINE I8 WithSigns(U8 grid, uint16_t signs) { return Negated(grid, MaskOfBits(signs)); }

// The signs of two runs of eight, indices in the low 14 bits, as masks.
HWY_INLINE U8 TwoKsigns(uint32_t indices) {
  return TwoRows(kKsignMasks.bytes[indices & 127], kKsignMasks.bytes[(indices >> 7) & 127]);
}

// out[b] = (0.5 + nibble b) * 2 * factor for 16 nibbles, low nibble first.
HWY_INLINE void ScalesOfNibbles(const uint8_t* nibbles, float factor, float* out) {
  const auto bytes = hn::LoadU(hn::FixedTag<uint8_t, 8>(), nibbles);
  const U8 both = hn::Combine(DU8(), bytes, bytes);
  const U8 codes = hn::InterleaveLower(DU8(), LowNibbles(both), HighNibbles(both));
  StoreScaled(hn::Or(hn::Add(codes, codes), hn::Set(DU8(), 1)), factor, out);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ2_XXS& block, Out out) {
  const float factor = HalfToFloat(block.d) * 0.125f;
  for (int g = 0; g < 8; ++g, out += 32) {
    const uint8_t* index = block.qs[g].index;
    const uint32_t word = block.qs[g].signs_and_scale;
    const float scale = factor * static_cast<float>(static_cast<int>(word >> 28) * 2 + 1);
    const U8 low = TwoRows(kIq2xxs[index[0]], kIq2xxs[index[1]]);
    const U8 high = TwoRows(kIq2xxs[index[2]], kIq2xxs[index[3]]);
    StoreScaled(Negated(low, TwoKsigns(word)), scale, out);
    StoreScaled(Negated(high, TwoKsigns(word >> 14)), scale, out + 16);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ2_XS& block, Out out) {
  alignas(64) float scales[16];
  ScalesOfNibbles(block.scales, HalfToFloat(block.d) * 0.125f, scales);
  for (int b = 0; b < 16; ++b) {
    const uint32_t word0 = block.qs[2 * b];
    const uint32_t word1 = block.qs[2 * b + 1];
    const U8 grid = TwoRows(kIq2xs[word0 & 511], kIq2xs[word1 & 511]);
    const U8 signs = TwoRows(kKsignMasks.bytes[word0 >> 9], kKsignMasks.bytes[word1 >> 9]);
    StoreScaled(Negated(grid, signs), scales[b], out + 16 * b);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ2_S& block, Out out) {
  alignas(64) float scales[16];
  ScalesOfNibbles(block.scales, HalfToFloat(block.d) * 0.125f, scales);
  for (int b = 0; b < 16; ++b) {
    const int high = block.qh[b / 2] >> (b % 2 * 4);
    const U8 grid = TwoRows(kIq2s[block.qs[2 * b] | (high & 3) << 8],
                            kIq2s[block.qs[2 * b + 1] | (high & 12) << 6]);
    uint16_t signs;
    std::memcpy(&signs, block.signs + 2 * b, sizeof(signs));
    StoreScaled(WithSigns(grid, signs), scales[b], out + 16 * b);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ3_XXS& block, Out out) {
  const float factor = HalfToFloat(block.d) * 0.25f;
  for (int g = 0; g < 8; ++g, out += 32) {
    const uint8_t* index = block.qs + 8 * g;
    const uint32_t word = block.signs_and_scale[g];
    const float scale = factor * static_cast<float>(static_cast<int>(word >> 28) * 2 + 1);
    const U8 low = FourRows([index](int i) { return kIq3xxs[index[i]]; });
    const U8 high = FourRows([index](int i) { return kIq3xxs[index[4 + i]]; });
    StoreScaled(Negated(low, TwoKsigns(word)), scale, out);
    StoreScaled(Negated(high, TwoKsigns(word >> 14)), scale, out + 16);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ3_S& block, Out out) {
  const float d = HalfToFloat(block.d);
  for (int b = 0; b < 16; ++b) {
    const int nibble = (block.scales[b / 4] >> (b / 2 % 2 * 4)) & 15;
    const float scale = d * static_cast<float>(1 + 2 * nibble);
    const uint8_t* qs = block.qs + 4 * b;
    const int high = block.qh[b / 2] >> (b % 2 * 4);
    const U8 grid = FourRows([qs, high](int i) { return kIq3s[qs[i] | ((high >> i) & 1) << 8]; });
    uint16_t signs;
    std::memcpy(&signs, block.signs + 2 * b, sizeof(signs));
    StoreScaled(WithSigns(grid, signs), scale, out + 16 * b);
  }
}

// 8 * grid value + 1, or - 1 where the run's byte of `negative` is 0xFF: what remains of
// grid value +- 1/8 after taking out 1/8.
HWY_INLINE I8 Shifted(U8 grid, U8 negative) {
  const auto eightfold = hn::ShiftLeft<3>(hn::BitCast(DU16(), grid));
  const U8 product = hn::And(hn::BitCast(DU8(), eightfold), hn::Set(DU8(), 0xF8));
  return Signed(hn::Add(product, hn::Or(negative, hn::Set(DU8(), 1))));
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ1_S& block, Out out) {
  const float factor = HalfToFloat(block.d) * 0.125f;
  for (int g = 0; g < 8; ++g, out += 32) {
    const int word = block.qh[g];
    const uint8_t* qs = block.qs + 4 * g;
    const float scale = factor * static_cast<float>(2 * ((word >> 12) & 7) + 1);
    const U8 negative = hn::Set(DU8(), word & 0x8000 ? 0xFF : 0);
    const U8 low = TwoRows(kIq1s[qs[0] | (word & 7) << 8], kIq1s[qs[1] | (word >> 3 & 7) << 8]);
    const U8 high =
        TwoRows(kIq1s[qs[2] | (word >> 6 & 7) << 8], kIq1s[qs[3] | (word >> 9 & 7) << 8]);
    StoreScaled(Shifted(low, negative), scale, out);
    StoreScaled(Shifted(high, negative), scale, out + 16);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ1_M& block, Out out) {
  const float factor = HalfToFloat(IQ1_MScale(block)) * 0.125f;
  for (int b = 0; b < 16; ++b) {
    const int nibbles = block.qh[b];
    const int code = (block.scales[b / 4] >> (b % 4 * 3)) & 7;
    const float scale = factor * static_cast<float>(2 * code + 1);
    const U8 grid = TwoRows(kIq1s[block.qs[2 * b] | (nibbles & 7) << 8],
                            kIq1s[block.qs[2 * b + 1] | (nibbles >> 4 & 7) << 8]);
    const uint16_t negative =
        static_cast<uint16_t>((nibbles & 8 ? 0xFF : 0) | (nibbles & 0x80 ? 0xFF00 : 0));
    StoreScaled(Shifted(grid, MaskOfBits(negative)), scale, out + 16 * b);
  }
}

#endif  // GGUF_HAVE_CODES

#define GGUF_ROW_TYPES(X) X(IQ1_M) X(IQ1_S) X(IQ2_S) X(IQ2_XS) X(IQ2_XXS) X(IQ3_S) X(IQ3_XXS)
GGUF_ROW_TYPES(GGUF_DEFINE_ROW)

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
GGUF_ROW_TYPES(GGUF_EXPORT_ROW)
}  // namespace gguf
#endif  // HWY_ONCE
