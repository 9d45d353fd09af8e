// Q4_0 and Q5_0 have one algorithm but for the number of bits: codes 0..2*kMax-1 around kMax.
// kPack stores 32 codes in a block.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEGACY_SIGNED_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gguf/base/float16.h"
#include "hwy/highway.h"
#include "quantize/encode/float16-inl.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/signed_search-inl.h"
#include "quantize/encode/signed_search.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr size_t kLegacyValues = 32;

// qs[j] = codes[j] & 15 | codes[j + 16] << 4.
HWY_INLINE void PackNibbles(const uint8_t* HWY_RESTRICT codes, uint8_t* HWY_RESTRICT qs) {
  const hn::CappedTag<uint8_t, 16> d8;
  for (size_t j = 0; j < 16; j += hn::Lanes(d8)) {
    const auto low = hn::And(hn::LoadU(d8, codes + j), hn::Set(d8, 15));
    const auto high = hn::ShiftLeft<4>(hn::LoadU(d8, codes + j + 16));
    hn::StoreU(hn::Or(low, high), d8, qs + j);
  }
}

// Bit j: the fifth bit of codes[j].
HWY_INLINE uint32_t FifthBits(const uint8_t* HWY_RESTRICT codes) {
  uint32_t bits = 0;
#if HWY_TARGET == HWY_SCALAR
  for (size_t j = 0; j < kLegacyValues; ++j) bits |= static_cast<uint32_t>(codes[j] >> 4) << j;
#else
  const hn::CappedTag<uint8_t, kLegacyValues> d8;
  for (size_t j = 0; j < kLegacyValues; j += hn::Lanes(d8)) {
    const auto sixteen = hn::Set(d8, 16);
    uint8_t mask[8] = {};
    hn::StoreMaskBits(d8, hn::Eq(hn::And(hn::LoadU(d8, codes + j), sixteen), sixteen), mask);
    uint32_t word;
    hwy::CopyBytes<sizeof(word)>(mask, &word);
    bits |= word << j;
  }
#endif
  return bits;
}

// FirstLargest of a block: the order matters only where a value and its negation are the largest.
template <class DF>
HWY_INLINE float LargestOfBlock(DF df, const float* HWY_RESTRICT x) {
  auto top = hn::LoadU(df, x);
  auto bottom = top;
  for (size_t i = hn::Lanes(df); i < kLegacyValues; i += hn::Lanes(df)) {
    const auto v = hn::LoadU(df, x + i);
    top = hn::Max(top, v);
    bottom = hn::Min(bottom, v);
  }
  const float highest = hn::GetLane(hn::MaxOfLanes(df, top));
  const float lowest = hn::GetLane(hn::MinOfLanes(df, bottom));
  if (HWY_UNLIKELY(highest == -lowest)) return FirstLargest(x, kLegacyValues);
  return highest > -lowest ? highest : lowest;
}

// Codes of one block by its inverse scale: min(2*kMax-1, trunc(x * inverse + kMax + 0.5)).
template <int kMax, class DF>
HWY_INLINE void LegacyCodes(DF df, const float* HWY_RESTRICT x, float inverse,
                            uint8_t* HWY_RESTRICT codes) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint8_t, DF> d8;
  for (size_t i = 0; i < kLegacyValues; i += hn::Lanes(df)) {
    const auto scaled = hn::Mul(hn::LoadU(df, x + i), hn::Set(df, inverse));
    const auto shifted = hn::Add(scaled, hn::Set(df, static_cast<float>(kMax) + 0.5f));
    const auto code = hn::Min(hn::ConvertTo(di, shifted), hn::Set(di, 2 * kMax - 1));
    hn::StoreU(hn::U8FromU32(hn::BitCast(du, code)), d8, codes + i);
  }
}

// Without weights: d = largest / -kMax. 16 blocks in turn for every step, so that one division
// serves a vector of blocks.
template <int kMax, class Block, void (*kPack)(const uint8_t*, Block&)>
HWY_INLINE void EncodeLegacyPlain(const float* HWY_RESTRICT rows, size_t num_blocks,
                                  Block* HWY_RESTRICT blocks) {
  constexpr size_t kGroup = kMaxLanes;
  const LaneTag df;
  const hn::RebindToSigned<LaneTag> di;
  HWY_ALIGN float largest[kGroup] = {};
  HWY_ALIGN float inverse[kGroup];
  HWY_ALIGN int32_t halves[kGroup];
  for (size_t first = 0; first < num_blocks; first += kGroup) {
    const size_t count = HWY_MIN(kGroup, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kLegacyValues;
    for (size_t b = 0; b < count; ++b) largest[b] = LargestOfBlock(df, x + b * kLegacyValues);
    for (size_t b = 0; b < count; b += hn::Lanes(df)) {
      const auto d = hn::Div(hn::Load(df, largest + b), hn::Set(df, static_cast<float>(-kMax)));
      const auto id = hn::Div(hn::Set(df, 1.0f), d);
      hn::Store(hn::IfThenZeroElse(hn::Eq(d, hn::Zero(df)), id), df, inverse + b);
      hn::Store(F16Bits(df, d), di, halves + b);
    }
    for (size_t b = 0; b < count; ++b) {
      HWY_ALIGN uint8_t codes[kLegacyValues];
      if (HWY_LIKELY(std::fabs(inverse[b]) <= 3.4028234e38f)) {
        LegacyCodes<kMax>(df, x + b * kLegacyValues, inverse[b], codes);
      } else {  // the inverse of a subnormal d
        hwy::ZeroBytes<sizeof(codes)>(codes);
      }
      blocks[first + b].d = static_cast<uint16_t>(halves[b]);
      kPack(codes, blocks[first + b]);
    }
  }
}

// Up to one block per lane, contiguous at x. importance: where the weights of each lane's block
// begin; sigma2: the mean square of its row.
template <int kMax, class Block, void (*kPack)(const uint8_t*, Block&)>
HWY_INLINE void EncodeLegacyWeightedLanes(const float* HWY_RESTRICT x, size_t num_blocks,
                                          const float* const* importance,
                                          const float* HWY_RESTRICT sigma2,
                                          Block* HWY_RESTRICT blocks) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float xt[kLegacyValues * kMaxLanes];
  HWY_ALIGN float w[kLegacyValues * kMaxLanes];
  HWY_ALIGN float wx[kLegacyValues * kMaxLanes];
  LoadBlocksToLanes(df, x, kLegacyValues, num_blocks, kLegacyValues, xt);
  TransposeToLanes(df, importance, kLegacyValues, w);
  const auto mean_square = hn::LoadU(df, sigma2);
  for (size_t i = 0; i < kLegacyValues; ++i) {
    const auto v = hn::LoadU(df, xt + i * lanes);
    const auto root = hn::Sqrt(hn::Add(mean_square, hn::Mul(v, v)));
    const auto weight = hn::Mul(hn::LoadU(df, w + i * lanes), root);
    hn::StoreU(weight, df, w + i * lanes);
    hn::StoreU(hn::Mul(weight, v), df, wx + i * lanes);
  }
  hn::Vec<LaneTag> scale, inverse;
  SearchSignedLanes<kMax, kLegacyValues, true>(df, xt, w, wx, scale, inverse);
  HWY_ALIGN float scales[kMaxLanes];
  HWY_ALIGN float inverses[kMaxLanes];
  hn::StoreU(scale, df, scales);
  hn::StoreU(inverse, df, inverses);
  for (size_t b = 0; b < num_blocks; ++b) {
    HWY_ALIGN uint8_t codes[kLegacyValues];
    CodesByInverse<kMax>(df, x + b * kLegacyValues, kLegacyValues, inverses[b], codes);
    blocks[b].d = F32ToF16(scales[b]);
    kPack(codes, blocks[b]);
  }
}

// With weights. The blocks of up to 16 rows make one run, so that lanes are full for short rows.
template <int kMax, class Block, void (*kPack)(const uint8_t*, Block&)>
HWY_INLINE void EncodeLegacyWeighted(const float* HWY_RESTRICT rows, size_t num_rows,
                                     size_t columns, const float* HWY_RESTRICT weights,
                                     Block* HWY_RESTRICT blocks) {
  constexpr size_t kRows = 16;
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  const size_t row_blocks = columns / kLegacyValues;
  for (size_t r = 0; r < num_rows; r += kRows) {
    const size_t count = HWY_MIN(kRows, num_rows - r);
    const float* HWY_RESTRICT x = rows + r * columns;
    HWY_ALIGN float row_sigma2[kRows];
    SumsOfSquares(df, x, columns, count, columns, row_sigma2);
    for (size_t k = 0; k < count; ++k) row_sigma2[k] /= static_cast<float>(columns);

    const size_t num_blocks = count * row_blocks;
    size_t row = 0;
    size_t column = 0;
    for (size_t b = 0; b < num_blocks; b += lanes) {
      const float* importance[kMaxLanes];
      HWY_ALIGN float sigma2[kMaxLanes] = {};
      const size_t used = HWY_MIN(lanes, num_blocks - b);
      for (size_t k = 0; k < used; ++k) {
        importance[k] = weights + column;
        sigma2[k] = row_sigma2[row];
        column += kLegacyValues;
        if (column == columns) {
          column = 0;
          ++row;
        }
      }
      for (size_t k = used; k < lanes; ++k) importance[k] = weights;
      EncodeLegacyWeightedLanes<kMax, Block, kPack>(x + b * kLegacyValues, used, importance, sigma2,
                                                    blocks + r * row_blocks + b);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
