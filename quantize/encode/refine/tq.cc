#include "quantize/encode/refine/tq.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/codec/tq1_0.h"
#include "formats/codec/tq2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/refine/binary16_scale.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/tq.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/binary16_scale-inl.h"
#include "quantize/encode/refine/sort_lanes-inl.h"
#include "quantize/encode/ternary-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockTQ1_0::kValues;
static_assert(BlockTQ2_0::kValues == kValues, "both types share a search");

// 1 / k for k values.
constexpr std::array<float, kValues + 1> MakeInverseCounts() {
  std::array<float, kValues + 1> inverses = {};
  for (size_t k = 1; k <= kValues; ++k) inverses[k] = 1.0f / static_cast<float>(k);
  return inverses;
}
constexpr std::array<float, kValues + 1> kInverseCounts = MakeInverseCounts();

// The binary16 scale of least error. With k codes of +-1 whose magnitudes have the sum s, a scale d
// lowers the sum of squares by d * (2 * s - k * d).
float BestScale(const float* x) {
  float magnitudes[kValues];
  for (size_t i = 0; i < kValues; ++i) magnitudes[i] = std::fabs(x[i]);
  std::sort(magnitudes, magnitudes + kValues);
  float sum = 0.0f, scale = 0.0f, most = 0.0f;
  for (size_t k = 1; k <= kValues; ++k) {
    sum += magnitudes[kValues - k];
    const float d = Binary16Scale(sum * kInverseCounts[k]);
    const float gain = d * ((sum + sum) - static_cast<float>(k) * d);
    if (gain > most) {
      most = gain;
      scale = d;
    }
  }
  return scale;
}

void Store(const float* x, float scale, BlockTQ1_0& block) {
  block.d = F32ToF16(scale);
  StoreTQ1_0(x, InverseOrZero(scale), block.qs, block.qh);
}

void Store(const float* x, float scale, BlockTQ2_0& block) {
  block.d = F32ToF16(scale);
  StoreTQ2_0(x, InverseOrZero(scale), block.qs);
}

template <class Block>
void EncodeScalar(const float* rows, size_t num_values, uint8_t* out) {
  auto* blocks = reinterpret_cast<Block*>(out);
  for (size_t b = 0; b < num_values / kValues; ++b) {
    const float* x = rows + b * kValues;
    Store(x, BestScale(x), blocks[b]);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_TQ_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
constexpr size_t kMaxBlocks = 16;

// BestScale of one block per lane.
HWY_INLINE hn::Vec<Lanes> BestScaleLanes(Lanes df, float* HWY_RESTRICT x) {
  const size_t lanes = hn::Lanes(df);
  for (size_t i = 0; i < kValues * lanes; i += lanes) {
    hn::Store(hn::Abs(hn::Load(df, x + i)), df, x + i);
  }
  SortLanes<kValues>(df, x);
  auto sum = hn::Zero(df), scale = hn::Zero(df), most = hn::Zero(df);
  for (size_t k = 1; k <= kValues; ++k) {
    sum = hn::Add(sum, hn::Load(df, x + (kValues - k) * lanes));
    const auto d = Binary16ScaleLanes(df, hn::Mul(sum, hn::Set(df, kInverseCounts[k])));
    const auto ones = hn::Mul(hn::Set(df, static_cast<float>(k)), d);
    const auto gain = hn::Mul(d, hn::Sub(hn::Add(sum, sum), ones));
    const auto better = hn::Gt(gain, most);
    most = hn::IfThenElse(better, gain, most);
    scale = hn::IfThenElse(better, d, scale);
  }
  return scale;
}

HWY_INLINE void StoreFast(const float* HWY_RESTRICT x, float inverse, BlockTQ1_0& block) {
  StoreTQ1_0Codes(x, inverse, block.qs, block.qh);
}

HWY_INLINE void StoreFast(const float* HWY_RESTRICT x, float inverse, BlockTQ2_0& block) {
  StoreTQ2_0Codes(x, inverse, block.qs);
}

template <class Block>
HWY_INLINE void EncodeBlocks(const float* HWY_RESTRICT rows, size_t num_blocks,
                             Block* HWY_RESTRICT blocks) {
  const Lanes df;
  HWY_ALIGN float x[kValues * kMaxBlocks];
  HWY_ALIGN float scales[kMaxBlocks];
  for (size_t first = 0; first < num_blocks; first += hn::Lanes(df)) {
    const size_t count = HWY_MIN(hn::Lanes(df), num_blocks - first);
    LoadBlocksToLanes(df, rows + first * kValues, kValues, count, kValues, x);
    hn::Store(BestScaleLanes(df, x), df, scales);
    for (size_t b = 0; b < count; ++b) {
      Block& block = blocks[first + b];
      block.d = F32ToF16(scales[b]);
      StoreFast(rows + (first + b) * kValues, InverseOrZero(scales[b]), block);
    }
  }
}

void EncodeTQ1_0StandardImpl(const float* HWY_RESTRICT rows, size_t num_blocks,
                             uint8_t* HWY_RESTRICT out) {
  EncodeBlocks(rows, num_blocks, reinterpret_cast<BlockTQ1_0*>(out));
}

void EncodeTQ2_0StandardImpl(const float* HWY_RESTRICT rows, size_t num_blocks,
                             uint8_t* HWY_RESTRICT out) {
  EncodeBlocks(rows, num_blocks, reinterpret_cast<BlockTQ2_0*>(out));
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeTQ1_0StandardScalar(const float* rows, size_t num_rows, size_t columns, const float*,
                               uint8_t* out) {
  EncodeScalar<BlockTQ1_0>(rows, num_rows * columns, out);
}

void EncodeTQ2_0StandardScalar(const float* rows, size_t num_rows, size_t columns, const float*,
                               uint8_t* out) {
  EncodeScalar<BlockTQ2_0>(rows, num_rows * columns, out);
}

HWY_EXPORT(EncodeTQ1_0StandardImpl);
HWY_EXPORT(EncodeTQ2_0StandardImpl);

void EncodeTQ1_0Standard(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeTQ1_0StandardImpl)(rows, num_rows * columns / kValues, out);
}

void EncodeTQ2_0Standard(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeTQ2_0StandardImpl)(rows, num_rows * columns / kValues, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
