#include "quantize/encode/iq1_m.h"

#include <algorithm>
#include <cstring>

#include "formats/codec/iq1_m.h"
#include "gguf/base/float16.h"
#include "quantize/encode/iq1_grid.h"
#include "quantize/encode/iq1_search.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq1_m.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/iq1_sub_blocks-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ1_M::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;
constexpr size_t kRunValues = Iq1Grid::kRunValues;

void StoreScale(uint16_t d, BlockIQ1_M& block) {
  for (int word = 0; word < 4; ++word) block.scales[word] |= (d >> (4 * word)) << 12;
}

// The scale of a block before its fit, and the codes of the scales of its sub-blocks.
struct BlockScales {
  bool all_zero = true;  // and so are the bytes of the block
  float d = 0.0f;
  int codes[kSubBlocks] = {};
};

BlockScales ScaleCodes(const Iq1SubBlock* subs) {
  BlockScales scales;
  float largest = 0.0f;
  for (size_t b = 0; b < kSubBlocks; ++b) largest = std::max(largest, subs[b].scale);
  if (largest == 0.0f) return scales;
  scales.all_zero = false;
  scales.d = largest / 15.0f;
  const float inverse = 1.0f / scales.d;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    scales.codes[b] = Iq1ScaleCode(inverse, subs[b].scale);
  }
  return scales;
}

void PackBlock(const Iq1SubBlock* subs, const BlockScales& scales, float fitted,
               BlockIQ1_M& block) {
  std::memset(&block, 0, sizeof(block));
  if (scales.all_zero) return;
  for (size_t b = 0; b < kSubBlocks; ++b) {
    block.scales[b / 4] |= scales.codes[b] << (3 * (b % 4));
    for (size_t r = 0; r < 2; ++r) {
      const uint32_t negative = subs[b].shifts >> (1 - r) & 1;
      block.qs[2 * b + r] = static_cast<uint8_t>(subs[b].rows[r]);
      block.qh[b] |= (subs[b].rows[r] >> 8 | negative << 3) << (4 * r);
    }
  }
  StoreScale(F32ToF16(fitted * 1.1125f), block);
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_M_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr size_t kBatch = 8;

// The codes of the scales of a block, and for FitBlocks the products w * q * x and w * q * q of its
// values with their values q in units of the block's scale.
HWY_INLINE void FitTerms(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w,
                         const Iq1SubBlock* HWY_RESTRICT subs, const BlockScales& scales,
                         float* HWY_RESTRICT qx, float* HWY_RESTRICT q2) {
  const hn::CappedTag<float, 8> d8;
  const hn::RebindToSigned<decltype(d8)> di;
  const hn::Rebind<int8_t, decltype(d8)> dg;
  for (size_t r = 0; r < kValues / kRunValues; ++r) {
    const Iq1SubBlock& sub = subs[r / 2];
    const auto shift = hn::Set(d8, kIq1Levels[sub.shifts >> (1 - r % 2) & 1][1]);
    const auto factor = hn::Set(d8, static_cast<float>(2 * scales.codes[r / 2] + 1));
    const int8_t* HWY_RESTRICT row = kIq1s[sub.rows[r % 2]];
    for (size_t k = 0; k < kRunValues; k += hn::Lanes(d8)) {
      const size_t i = r * kRunValues + k;
      const auto level = hn::ConvertTo(d8, hn::PromoteTo(di, hn::LoadU(dg, row + k)));
      const auto q = hn::Mul(hn::Add(level, shift), factor);
      const auto wq = hn::Mul(hn::LoadU(d8, w + i), q);
      hn::StoreU(hn::Mul(wq, hn::LoadU(d8, x + i)), d8, qx + i);
      hn::StoreU(hn::Mul(wq, q), d8, q2 + i);
    }
  }
}

// terms[n][0] + terms[n][1] + ..., in this order.
HWY_INLINE void SumTerms(const float (*HWY_RESTRICT terms)[kValues], float* HWY_RESTRICT sums) {
  float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f, s4 = 0.0f, s5 = 0.0f, s6 = 0.0f, s7 = 0.0f;
  for (size_t i = 0; i < kValues; ++i) {
    s0 += terms[0][i];
    s1 += terms[1][i];
    s2 += terms[2][i];
    s3 += terms[3][i];
    s4 += terms[4][i];
    s5 += terms[5][i];
    s6 += terms[6][i];
    s7 += terms[7][i];
  }
  const float all[kBatch] = {s0, s1, s2, s3, s4, s5, s6, s7};
  for (size_t n = 0; n < kBatch; ++n) sums[n] = all[n];
}

// Packs `count` blocks.
HWY_INLINE void PackBlocks(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, size_t count,
                           const Iq1SubBlock* HWY_RESTRICT subs, BlockIQ1_M* HWY_RESTRICT blocks) {
  HWY_ALIGN float qx_terms[kBatch][kValues];
  HWY_ALIGN float q2_terms[kBatch][kValues];
  BlockScales scales[kBatch];
  float qx[kBatch];
  float q2[kBatch];
  for (size_t n = 0; n < kBatch; ++n) {
    const size_t from = HWY_MIN(n, count - 1);  // beyond the last one: sums that nobody uses
    scales[n] = ScaleCodes(subs + from * kSubBlocks);
    FitTerms(x + from * kValues, w + from * kValues, subs + from * kSubBlocks, scales[n],
             qx_terms[n], q2_terms[n]);
  }
  SumTerms(qx_terms, qx);
  SumTerms(q2_terms, q2);
  for (size_t n = 0; n < count; ++n) {
    PackBlock(subs + n * kSubBlocks, scales[n], q2[n] > 0.0f ? qx[n] / q2[n] : scales[n].d,
              blocks[n]);
  }
}

void EncodeIQ1_MImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  const Iq1Grid& grid = Iq1Grid::Get();
  auto* blocks = reinterpret_cast<BlockIQ1_M*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float sums[kBatch] = {};
  HWY_ALIGN float w[kBatch * kValues];
  Iq1SubBlock subs[kBatch * kSubBlocks];
  for (size_t first = 0; first < num_blocks; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kValues;
    if (weights != nullptr) SumsOfSquares(df, x, kValues, count, kValues, sums);
    for (size_t n = 0; n < count; ++n) {
      const float* importance =
          weights != nullptr ? weights + (first + n) * kValues % columns : nullptr;
      Iq1Weights(df, x + n * kValues, importance, sums[n], w + n * kValues);
    }
    for (size_t b = 0; b < count * kSubBlocks; b += lanes) {
      EncodeSubBlocks<kSubValues>(df, grid, x + b * kSubValues, w + b * kSubValues,
                                  HWY_MIN(lanes, count * kSubBlocks - b), subs + b);
    }
    PackBlocks(x, w, count, subs, blocks + first);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

namespace {

// The scale with which the stored codes fit the values best.
float FitScale(const float* x, const float* weights, const Iq1SubBlock* subs,
               const BlockScales& scales) {
  float qx = 0.0f, q2 = 0.0f;
  for (size_t i = 0; i < kValues; ++i) {
    const size_t b = i / kSubValues;
    const size_t run = i / kRunValues % 2;
    const float* levels = kIq1Levels[subs[b].shifts >> (1 - run) & 1];
    const float level = levels[kIq1s[subs[b].rows[run]][i % kRunValues] + 1];
    const float q = level * static_cast<float>(2 * scales.codes[b] + 1);
    qx += weights[i] * q * x[i];
    q2 += weights[i] * q * q;
  }
  return q2 > 0.0f ? qx / q2 : scales.d;
}

}  // namespace

void EncodeIQ1_MReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ1_M*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    const float sigma2 = 2.0f * SumOfSquares(x, kValues) / kValues;
    float w[kValues];
    for (size_t i = 0; i < kValues; ++i) {
      w[i] = importance != nullptr ? ImportanceWeight(importance[i], sigma2, x[i]) : x[i] * x[i];
    }
    Iq1SubBlock subs[kSubBlocks];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      subs[b] = EncodeIq1_MSubBlock(x + b * kSubValues, w + b * kSubValues);
    }
    const BlockScales scales = ScaleCodes(subs);
    PackBlock(subs, scales, FitScale(x, w, subs, scales), blocks[n]);
  }
}

HWY_EXPORT(EncodeIQ1_MImpl);

void EncodeIQ1_M(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ1_MImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
