#include "quantize/encode/refine/mxfp4.h"

#include <cmath>

#include "formats/codec/mxfp4.h"
#include "gguf/base/float16.h"
#include "quantize/encode/fp4.h"
#include "quantize/encode/refine/fp4_level.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/mxfp4.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/fp4-inl.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/fp4_level-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockMXFP4::kValues;

// Whether both neighbours of a scale are usual.
constexpr bool HasNeighbours(uint8_t e) { return e > kLeastUsualE8M0 && e < kLargestUsualE8M0; }

// 1 over half the scale.
float InverseHalf(uint8_t e) { return FloatOf((255u - e) << 23); }

// Sum of squared errors under `unit` halves of the scale of `inverse`, in squares of such a half.
float ErrorOfUnit(const float* x, float inverse, float unit) {
  float sum = 0.0f;
  for (size_t i = 0; i < kValues; ++i) {
    const float v = std::fabs(x[i]) * inverse;
    const float error = v - NearestFp4Level(v, unit);
    sum += error * error;
  }
  return sum;
}

uint8_t BestScale(const float* x) {
  const uint8_t e = E8M0OfLargest(LargestMagnitude(x, kValues));
  if (!HasNeighbours(e)) return e;
  const float inverse = InverseHalf(e);
  float least = ErrorOfUnit(x, inverse, 1.0f);
  int step = 0;
  const float half = ErrorOfUnit(x, inverse, 0.5f);
  if (half < least) {
    least = half;
    step = -1;
  }
  if (ErrorOfUnit(x, inverse, 2.0f) < least) step = 1;
  return static_cast<uint8_t>(e + step);
}

void EncodeBlocks(const float* rows, size_t num_blocks, BlockMXFP4* blocks) {
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    blocks[b].e = BestScale(x);
    StoreFp4Pairs(x, kValues / 2, E8M0Half(blocks[b].e), blocks[b].qs);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_MXFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

using Lanes = hn::CappedTag<float, 16>;
constexpr size_t kMaxBlocks = 16;

template <class VF>
HWY_INLINE VF AddSquaredError(Lanes df, VF v, float unit, VF sum) {
  const auto error = hn::Sub(v, NearestFp4LevelLanes(df, v, unit));
  return hn::Add(sum, hn::Mul(error, error));
}

// -1, 0 or 1 for each lane's block: the best exponent next to the one of `inverse`.
HWY_INLINE void BestSteps(Lanes df, const float* HWY_RESTRICT x, const float* HWY_RESTRICT inverses,
                          int32_t* HWY_RESTRICT steps) {
  const hn::RebindToSigned<Lanes> di;
  const auto inverse = hn::Load(df, inverses);
  auto same = hn::Zero(df), half = hn::Zero(df), twice = hn::Zero(df);
  HWY_UNROLL(2)
  for (size_t i = 0; i < kValues; ++i) {
    const auto v = hn::Mul(hn::Abs(hn::Load(df, x + i * hn::Lanes(df))), inverse);
    same = AddSquaredError(df, v, 1.0f, same);
    half = AddSquaredError(df, v, 0.5f, half);
    twice = AddSquaredError(df, v, 2.0f, twice);
  }
  const auto is_half = hn::RebindMask(di, hn::Lt(half, same));
  const auto is_twice = hn::RebindMask(di, hn::Lt(twice, hn::Min(half, same)));
  const auto step = hn::IfThenElseZero(is_half, hn::Set(di, -1));
  hn::Store(hn::IfThenElse(is_twice, hn::Set(di, 1), step), di, steps);
}

// `count` blocks, at most one per lane. False: unusual magnitudes, nothing is written.
HWY_INLINE bool EncodeLanes(Lanes df, const float* HWY_RESTRICT rows, size_t count,
                            BlockMXFP4* HWY_RESTRICT blocks) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float x[kValues * kMaxBlocks];
  HWY_ALIGN float amax[kMaxBlocks];
  HWY_ALIGN float inverses[kMaxBlocks];
  HWY_ALIGN int32_t steps[kMaxBlocks];
  float factors[kMaxBlocks];
  LoadBlocksToLanes(df, rows, kValues, count, kValues, x);
  auto largest = hn::Zero(df);
  for (size_t i = 0; i < kValues; ++i) {
    largest = hn::Max(largest, hn::Abs(hn::Load(df, x + i * lanes)));
  }
  hn::Store(largest, df, amax);
  for (size_t b = 0; b < lanes; ++b) {
    const uint8_t e = E8M0OfLargest(amax[b]);
    if (HWY_UNLIKELY(!HasNeighbours(e) && amax[b] != 0.0f)) return false;
    inverses[b] = amax[b] == 0.0f ? 0.0f : InverseHalf(e);
  }
  BestSteps(df, x, inverses, steps);
  for (size_t b = 0; b < count; ++b) {
    blocks[b].e = static_cast<uint8_t>(E8M0OfLargest(amax[b]) + steps[b]);
    factors[b] = amax[b] == 0.0f ? 0.0f : Fp4FactorOfE8M0(blocks[b].e);
  }
  for (size_t b = 0; b < count; b += 2) {
    const size_t second = HWY_MIN(b + 1, count - 1);
    StoreMXFP4Codes(rows + b * kValues, rows + second * kValues, factors[b], factors[second],
                    blocks[b].qs, blocks[second].qs);
  }
  return true;
}

#endif

void EncodeMXFP4StandardImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                             uint8_t* HWY_RESTRICT out) {
  auto* blocks = reinterpret_cast<BlockMXFP4*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
#if HWY_TARGET == HWY_SCALAR
  EncodeBlocks(rows, num_blocks, blocks);
#else
  const Lanes df;
  for (size_t b = 0; b < num_blocks; b += hn::Lanes(df)) {
    const size_t count = HWY_MIN(hn::Lanes(df), num_blocks - b);
    const float* HWY_RESTRICT x = rows + b * kValues;
    if (HWY_UNLIKELY(!EncodeLanes(df, x, count, blocks + b))) EncodeBlocks(x, count, blocks + b);
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeMXFP4StandardScalar(const float* rows, size_t num_rows, size_t columns, const float*,
                               uint8_t* out) {
  EncodeBlocks(rows, num_rows * columns / kValues, reinterpret_cast<BlockMXFP4*>(out));
}

HWY_EXPORT(EncodeMXFP4StandardImpl);

void EncodeMXFP4Standard(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeMXFP4StandardImpl)(rows, num_rows, columns, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
