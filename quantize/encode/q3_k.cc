#include "quantize/encode/q3_k.h"

#include <cmath>
#include <cstring>

#include "formats/codec/q3_k.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q3_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/descent_search-inl.h"
#include "quantize/encode/signed_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_ONCE
namespace gguf {

namespace {

constexpr size_t kValues = BlockQ3_K::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;

// The fit of one block before packing.
struct Fit {
  uint16_t d;
  uint8_t scale_codes[kSubBlocks];  // 0 to 63, around 32
  uint8_t codes[kValues];           // 0 to 7, around 4
};

// Eight or four bytes at a time; no field crosses a byte.
void PackScales(const uint8_t* scale_codes, BlockQ3_K& block) {
  uint64_t codes[2];
  std::memcpy(codes, scale_codes, sizeof(codes));
  constexpr uint64_t kNibbles = 0x0F0F0F0F0F0F0F0Fu;
  const uint64_t low = (codes[0] & kNibbles) | (codes[1] & kNibbles) << 4;
  uint32_t words[4];
  std::memcpy(words, scale_codes, sizeof(words));
  uint32_t high = 0;
  for (int k = 0; k < 4; ++k) high |= ((words[k] >> 4) & 0x03030303u) << (2 * k);
  std::memcpy(block.scales, &low, sizeof(low));
  std::memcpy(block.scales + 8, &high, sizeof(high));
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q3_K_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kGroup = 16;       // blocks that are searched together with weights
constexpr size_t kPlainGroup = 64;  // and without: few are left over at the end of the group

// What the search leaves for each block of a group.
struct Group {
  HWY_ALIGN float scales[kGroup * kSubBlocks];
  HWY_ALIGN float inverses[kGroup * kSubBlocks];  // they give the codes
  Fit fits[kGroup];
};

// Scales of all sub-blocks of one block, and the sums of their weights.
HWY_INLINE void SearchSubBlocks(LaneTag df, const float* HWY_RESTRICT x,
                                const float* HWY_RESTRICT importance, float sigma2,
                                float* HWY_RESTRICT scales, float* HWY_RESTRICT inverses,
                                float* HWY_RESTRICT sums) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float xt[kSubValues * kMaxLanes];
  HWY_ALIGN float w[kSubValues * kMaxLanes];
  HWY_ALIGN float wx[kSubValues * kMaxLanes];
  const auto mean_square = hn::Set(df, sigma2);
  for (size_t b = 0; b < kSubBlocks; b += lanes) {
    LoadBlocksToLanes(df, x + b * kSubValues, kSubValues, lanes, kSubValues, xt);
    LoadBlocksToLanes(df, importance + b * kSubValues, kSubValues, lanes, kSubValues, w);
    auto sum = hn::Zero(df);
    for (size_t i = 0; i < kSubValues; ++i) {
      const auto v = hn::LoadU(df, xt + i * lanes);
      const auto root = hn::Sqrt(hn::Add(mean_square, hn::Mul(v, v)));
      const auto weight = hn::Mul(hn::LoadU(df, w + i * lanes), root);
      sum = hn::Add(sum, weight);
      hn::StoreU(weight, df, w + i * lanes);
      hn::StoreU(hn::Mul(weight, v), df, wx + i * lanes);
    }
    hn::Vec<LaneTag> scale, inverse;
    SearchSignedLanes<4, kSubValues, true>(df, xt, w, wx, scale, inverse);
    hn::StoreU(scale, df, scales + b);
    hn::StoreU(inverse, df, inverses + b);
    hn::StoreU(sum, df, sums + b);
  }
}

// Block scales and scale codes of a group, one block per lane.
HWY_INLINE void SearchBlockScales(LaneTag df, const float* HWY_RESTRICT sums, size_t num_blocks,
                                  Group& group) {
  const hn::RebindToSigned<LaneTag> di;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float xt[kSubBlocks * kMaxLanes];
  HWY_ALIGN float w[kSubBlocks * kMaxLanes];
  HWY_ALIGN float wx[kSubBlocks * kMaxLanes];
  for (size_t n = 0; n < num_blocks; n += lanes) {
    const size_t used = HWY_MIN(lanes, num_blocks - n);
    LoadBlocksToLanes(df, group.scales + n * kSubBlocks, kSubBlocks, used, kSubBlocks, xt);
    LoadBlocksToLanes(df, sums + n * kSubBlocks, kSubBlocks, used, kSubBlocks, w);
    for (size_t i = 0; i < kSubBlocks * lanes; i += lanes) {
      hn::StoreU(hn::Mul(hn::LoadU(df, w + i), hn::LoadU(df, xt + i)), df, wx + i);
    }
    hn::Vec<LaneTag> scale, inverse;
    const auto tiny = SearchSignedLanes<32, kSubBlocks, false>(df, xt, w, wx, scale, inverse);
    HWY_ALIGN float d[kMaxLanes];
    hn::StoreU(scale, df, d);
    for (size_t k = 0; k < used; ++k) group.fits[n + k].d = F32ToF16(d[k]);
    for (size_t i = 0; i < kSubBlocks; ++i) {
      const auto product = hn::Mul(inverse, hn::LoadU(df, xt + i * lanes));
      const auto code = SignedCodeLanes<32, Rounding::kAnything>(df, product);
      const auto shifted = hn::IfThenZeroElse(tiny, hn::Add(code, hn::Set(df, 32.0f)));
      HWY_ALIGN int32_t codes[kMaxLanes];
      hn::StoreU(hn::ConvertTo(di, shifted), di, codes);
      for (size_t k = 0; k < used; ++k) {
        group.fits[n + k].scale_codes[i] = static_cast<uint8_t>(codes[k]);
      }
    }
  }
}

// importance: of all columns; first_column: where the group begins in its row.
HWY_INLINE void FitGroupWeighted(LaneTag df, const float* HWY_RESTRICT x, size_t num_blocks,
                                 const float* HWY_RESTRICT importance, size_t first_column,
                                 size_t columns, Group& group) {
  HWY_ALIGN float squares[kGroup];
  HWY_ALIGN float sums[kGroup * kSubBlocks];
  SumsOfSquares(df, x, kValues, num_blocks, kValues, squares);
  size_t column = first_column;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float sigma2 = 2.0f * squares[n] / static_cast<float>(kValues);
    SearchSubBlocks(df, x + n * kValues, importance + column, sigma2, group.scales + n * kSubBlocks,
                    group.inverses + n * kSubBlocks, sums + n * kSubBlocks);
    column = column + kValues == columns ? 0 : column + kValues;
  }
  SearchBlockScales(df, sums, num_blocks, group);
}

// Rounds the values against the stored scales. inverses: null without weights.
HWY_INLINE void CodesOfBlock(LaneTag df, const float* HWY_RESTRICT x, const float* inverses,
                             Fit& fit) {
  const float d = F16ToF32(fit.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float* HWY_RESTRICT sub = x + b * kSubValues;
    uint8_t* codes = fit.codes + b * kSubValues;
    const float scale = d * static_cast<float>(fit.scale_codes[b] - 32);
    if (HWY_LIKELY(scale != 0.0f)) {
      CodesByScale<4>(df, sub, scale, codes);
    } else if (inverses != nullptr) {
      CodesByInverse<4>(df, sub, kSubValues, inverses[b], codes);
    } else {
      SearchSignedByDescent(sub, codes);  // rare: its codes were not kept
    }
  }
}

// Bytes qs and hmask from codes 0..7.
HWY_INLINE void PackCodes(const uint8_t* HWY_RESTRICT codes, BlockQ3_K& block) {
  const hn::CappedTag<uint8_t, 32> d8;
  const auto low = hn::Set(d8, 3);
  const auto bit = hn::Set(d8, 4);
  for (size_t l = 0; l < 32; l += hn::Lanes(d8)) {
    auto high = hn::Zero(d8);
    for (size_t h = 0; h < 2; ++h) {
      const uint8_t* HWY_RESTRICT q = codes + 128 * h + l;
      const auto c0 = hn::LoadU(d8, q);
      const auto c1 = hn::LoadU(d8, q + 32);
      const auto c2 = hn::LoadU(d8, q + 64);
      const auto c3 = hn::LoadU(d8, q + 96);
      const auto low01 = hn::Or(hn::And(c0, low), hn::ShiftLeft<2>(hn::And(c1, low)));
      const auto low23 = hn::Or(hn::And(c2, low), hn::ShiftLeft<2>(hn::And(c3, low)));
      hn::StoreU(hn::Or(low01, hn::ShiftLeft<4>(low23)), d8, block.qs + 32 * h + l);
      const auto high01 =
          hn::Or(hn::ShiftRight<2>(hn::And(c0, bit)), hn::ShiftRight<1>(hn::And(c1, bit)));
      const auto high23 = hn::Or(hn::And(c2, bit), hn::ShiftLeft<1>(hn::And(c3, bit)));
      const auto nibble = hn::Or(high01, high23);
      high = h == 0 ? nibble : hn::Or(high, hn::ShiftLeft<4>(nibble));
    }
    hn::StoreU(high, d8, block.hmask + l);
  }
}

HWY_INLINE void StoreBlock(LaneTag df, const float* HWY_RESTRICT x, const float* inverses, Fit& fit,
                           BlockQ3_K& block) {
  CodesOfBlock(df, x, inverses, fit);
  PackCodes(fit.codes, block);
  PackScales(fit.scale_codes, block);
  block.d = fit.d;
}

// Block scale and scale codes of up to one block per lane, without weights.
HWY_INLINE void QuantizeScales(LaneTag df, const float* HWY_RESTRICT scales, size_t num_blocks,
                               Fit* HWY_RESTRICT fits) {
  HWY_ALIGN int8_t codes[kMaxLanes * kSubBlocks];
  uint16_t d[kMaxLanes];
  HWY_ALIGN float magnitudes[kMaxLanes];
  QuantizeScalesLanes<32>(df, scales, num_blocks, codes, d, magnitudes);
  for (size_t n = 0; n < num_blocks; ++n) {
    const bool is_zero = magnitudes[n] == 0.0f;
    fits[n].d = is_zero ? 0 : d[n];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      fits[n].scale_codes[b] = is_zero ? 0 : codes[n * kSubBlocks + b] + 32;
    }
  }
}

HWY_INLINE void EncodePlain(LaneTag df, const float* HWY_RESTRICT x, size_t num_blocks,
                            BlockQ3_K* blocks) {
  HWY_ALIGN float scales[kPlainGroup * kSubBlocks];
  Fit fits[kMaxLanes];
  DescentSearch search;
  for (size_t first = 0; first < num_blocks; first += kPlainGroup) {
    const size_t count = HWY_MIN(kPlainGroup, num_blocks - first);
    search.Run(x + first * kValues, count * kSubBlocks, scales);
    for (size_t n = 0; n < count; n += hn::Lanes(df)) {
      const size_t used = HWY_MIN(hn::Lanes(df), count - n);
      QuantizeScales(df, scales + n * kSubBlocks, used, fits);
      for (size_t k = 0; k < used; ++k) {
        const size_t block = first + n + k;
        StoreBlock(df, x + block * kValues, nullptr, fits[k], blocks[block]);
      }
    }
  }
}

HWY_INLINE void EncodeWeighted(LaneTag df, const float* HWY_RESTRICT x, size_t num_blocks,
                               size_t columns, const float* HWY_RESTRICT weights,
                               BlockQ3_K* blocks) {
  Group group;
  for (size_t first = 0; first < num_blocks; first += kGroup) {
    const size_t count = HWY_MIN(kGroup, num_blocks - first);
    FitGroupWeighted(df, x + first * kValues, count, weights, first * kValues % columns, columns,
                     group);
    for (size_t n = 0; n < count; ++n) {
      StoreBlock(df, x + (first + n) * kValues, group.inverses + n * kSubBlocks, group.fits[n],
                 blocks[first + n]);
    }
  }
}

void EncodeQ3_KImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                    const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  auto* blocks = reinterpret_cast<BlockQ3_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  if (weights != nullptr) {
    EncodeWeighted(df, rows, num_blocks, columns, weights, blocks);
  } else {
    EncodePlain(df, rows, num_blocks, blocks);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// Block scale and scale codes from the sub-blocks' scales, without weights.
void QuantizeScales(const float* scales, Fit& fit) {
  const float largest = FirstLargest(scales, kSubBlocks);
  std::memset(fit.scale_codes, 0, kSubBlocks);
  fit.d = 0;
  if (largest == 0.0f) return;
  const float inverse = -32.0f / largest;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    fit.scale_codes[b] = ClampCode(RintByMagic(inverse * scales[b]), -32, 31) + 32;
  }
  fit.d = F32ToF16(1.0f / inverse);
}

void FitPlain(const float* x, Fit& fit) {
  float scales[kSubBlocks];
  for (size_t b = 0; b < kSubBlocks; ++b) {
    scales[b] = SearchSignedByDescent(x + b * kSubValues, fit.codes + b * kSubValues);
  }
  QuantizeScales(scales, fit);
}

void FitWeighted(const float* x, const float* importance, Fit& fit) {
  const float sigma2 = 2.0f * SumOfSquares(x, kValues) / static_cast<float>(kValues);
  float scales[kSubBlocks];
  float sums[kSubBlocks];
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float* sub = x + b * kSubValues;
    float w[kSubValues];
    sums[b] = 0.0f;
    for (size_t i = 0; i < kSubValues; ++i) {
      w[i] = ImportanceWeight(importance[b * kSubValues + i], sigma2, sub[i]);
      sums[b] += w[i];
    }
    scales[b] = SearchSigned(kSubValues, 4, sub, w, fit.codes + b * kSubValues);
  }
  fit.d = F32ToF16(SearchSigned(kSubBlocks, 32, scales, sums, fit.scale_codes));
}

// Rounds again against the scales as they are stored; a sub-block whose scale became 0 keeps the
// codes of its search.
void RoundToStoredScales(const float* x, Fit& fit) {
  const float d = F16ToF32(fit.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float scale = d * static_cast<float>(fit.scale_codes[b] - 32);
    if (scale == 0.0f) continue;
    for (size_t i = b * kSubValues; i < (b + 1) * kSubValues; ++i) {
      fit.codes[i] = static_cast<uint8_t>(ClampCode(RintByMagic(x[i] / scale), -4, 3) + 4);
    }
  }
}

void Pack(const Fit& fit, BlockQ3_K& block) {
  std::memset(&block, 0, sizeof(block));
  block.d = fit.d;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    block.scales[b % 8] |= (fit.scale_codes[b] & 15) << (b / 8 * 4);
    block.scales[8 + b % 4] |= (fit.scale_codes[b] >> 4) << (b / 4 * 2);
  }
  for (size_t i = 0; i < kValues; ++i) {
    block.qs[i / 128 * 32 + i % 32] |= (fit.codes[i] & 3) << (i % 128 / 32 * 2);
    block.hmask[i % 32] |= (fit.codes[i] >> 2) << (i / 32);
  }
}

}  // namespace

void EncodeQ3_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ3_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    Fit fit;
    if (weights != nullptr) {
      FitWeighted(x, weights + n * kValues % columns, fit);
    } else {
      FitPlain(x, fit);
    }
    RoundToStoredScales(x, fit);
    Pack(fit, blocks[n]);
  }
}

HWY_EXPORT(EncodeQ3_KImpl);

void EncodeQ3_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ3_KImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
