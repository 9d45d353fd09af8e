#include "quantize/encode/refine/nvfp4.h"

#include <cmath>
#include <cstring>

#include "formats/codec/nvfp4.h"
#include "gguf/base/float16.h"
#include "quantize/encode/fp4.h"
#include "quantize/encode/refine/fp4_level.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/nvfp4.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/fp4-inl.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/fp4_level-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_ONCE
namespace gguf {
namespace {

constexpr size_t kGroupValues = 16;  // under one scale
constexpr size_t kBlockGroups = BlockNVFP4::kValues / kGroupValues;
constexpr int kLargestCode = 0x7E;
constexpr int kFirstWithHalf = 16;  // from here on code - 8 is half the scale

// Halves of a scale: its largest level, twice that, and what rounds to levels of half the scale.
constexpr float kTop = kLargestFp4Level;
constexpr float kComparable = 2.0f * kLargestFp4Level;
constexpr float kHalvable = 5.0f;

// Sum of squared errors under a scale of which half is `half`, not 0.
float ErrorOfScale(const float* x, float half) {
  const float inverse = 1.0f / half;
  float sum = 0.0f;
  for (size_t i = 0; i < kGroupValues; ++i) {
    const float v = std::fabs(x[i]) * inverse;
    const float error = v - NearestFp4Level(v, 1.0f);
    sum += error * error;
  }
  return sum * (half * half);
}

// Under a scale of 0.
float SumOfSquares(const float* x) {
  float sum = 0.0f;
  for (size_t i = 0; i < kGroupValues; ++i) sum += x[i] * x[i];
  return sum;
}

// Whether there is a code of half the scale.
bool HasHalf(int code) { return code >= kFirstWithHalf || code % 2 == 0; }

bool IsWorthTryingBelow(float amax, float half, float least) {
  const float beyond = amax - kTop * half;
  const float clipped = beyond > 0.0f ? beyond : 0.0f;
  return clipped * clipped < least && amax <= kComparable * half;
}

uint8_t BestScale(const float* x) {
  const float amax = LargestMagnitude(x, kGroupValues);
  const int start = UE4M3OfScale(amax / 6.0f);
  if (amax > kLargestComparableFp4) return static_cast<uint8_t>(start);
  int best = start;
  float least =
      start == 0 ? SumOfSquares(x) : ErrorOfScale(x, UE4M3Half(static_cast<uint8_t>(start)));
  for (int code = start - 1; code >= 1; --code) {
    const float half = UE4M3Half(static_cast<uint8_t>(code));
    if (!IsWorthTryingBelow(amax, half, least)) break;
    const float error = ErrorOfScale(x, half);
    if (error < least) {
      least = error;
      best = code;
    }
  }
  for (int code = start + 1; code <= kLargestCode; ++code) {
    const float half = UE4M3Half(static_cast<uint8_t>(code));
    if (amax <= kHalvable * half && HasHalf(code)) continue;
    const float error = ErrorOfScale(x, half);
    if (error < least) {
      least = error;
      best = code;
    }
  }
  return static_cast<uint8_t>(best);
}

void EncodeBlocks(const float* rows, size_t num_blocks, BlockNVFP4* blocks) {
  for (size_t g = 0; g < num_blocks * kBlockGroups; ++g) {
    const float* x = rows + g * kGroupValues;
    BlockNVFP4& block = blocks[g / kBlockGroups];
    const size_t s = g % kBlockGroups;
    block.d[s] = BestScale(x);
    StoreFp4Pairs(x, kGroupValues / 2, UE4M3Half(block.d[s]), block.qs + s * (kGroupValues / 2));
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_NVFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

using Lanes = hn::CappedTag<float, 16>;
using IntLanes = hn::RebindToSigned<Lanes>;
constexpr size_t kMaxGroups = 16;

// Of every lane's group the best code so far and its error.
struct BestLanes {
  hn::Vec<IntLanes> code;
  hn::Vec<Lanes> error;
};

// ErrorOfScale; `a` holds magnitudes.
template <bool kReachesTop, class VF>
HWY_INLINE VF ErrorLanes(Lanes df, const float* HWY_RESTRICT a, VF half) {
  const auto inverse = hn::Div(hn::Set(df, 1.0f), half);
  auto sum = hn::Zero(df);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kGroupValues; ++i) {
    const auto v = hn::Mul(hn::Load(df, a + i * hn::Lanes(df)), inverse);
    const auto error = hn::Sub(v, NearestFp4LevelLanes<kReachesTop>(df, v, 1.0f));
    sum = hn::Add(sum, hn::Mul(error, error));
  }
  return hn::Mul(sum, hn::Mul(half, half));
}

template <class VF>
HWY_INLINE VF SumOfSquaresLanes(Lanes df, const float* HWY_RESTRICT a, VF sum) {
  for (size_t i = 0; i < kGroupValues; ++i) {
    const auto v = hn::Load(df, a + i * hn::Lanes(df));
    sum = hn::Add(sum, hn::Mul(v, v));
  }
  return sum;
}

template <bool kReachesTop, class VF, class VI, class MF>
HWY_INLINE void TryScale(Lanes df, const float* HWY_RESTRICT a, VI code, VF half, MF is_active,
                         BestLanes& best) {
  const auto error = ErrorLanes<kReachesTop>(df, a, half);
  const auto better = hn::And(is_active, hn::Lt(error, best.error));
  best.error = hn::IfThenElse(better, error, best.error);
  best.code = hn::IfThenElse(hn::RebindMask(IntLanes(), better), code, best.code);
}

// BestScale; amax is not above kLargestComparableFp4.
template <class VF>
HWY_INLINE hn::Vec<IntLanes> BestScaleLanes(Lanes df, const float* HWY_RESTRICT a, VF amax) {
  const IntLanes di;
  const auto zero = hn::Zero(df);
  const auto one = hn::Set(di, 1);
  const auto start = UE4M3Lanes(df, hn::Div(amax, hn::Set(df, 6.0f)));
  const auto is_zero = hn::RebindMask(df, hn::Eq(start, hn::Zero(di)));
  const auto start_half = UE4M3HalfLanes(df, hn::Max(start, one));
  BestLanes best = {start, hn::IfThenElse(is_zero, SumOfSquaresLanes(df, a, zero),
                                          ErrorLanes<true>(df, a, start_half))};
  for (auto code = hn::Sub(start, one);; code = hn::Sub(code, one)) {
    const auto half = UE4M3HalfLanes(df, hn::Max(code, one));
    const auto beyond = hn::Max(hn::Sub(amax, hn::Mul(hn::Set(df, kTop), half)), zero);
    const auto is_close = hn::And(hn::Lt(hn::Mul(beyond, beyond), best.error),
                                  hn::Le(amax, hn::Mul(hn::Set(df, kComparable), half)));
    const auto is_active = hn::And(is_close, hn::RebindMask(df, hn::Gt(code, hn::Zero(di))));
    if (hn::AllFalse(df, is_active)) break;
    TryScale<true>(df, a, code, half, is_active, best);
  }
  // Above, no magnitude is beyond the largest level: first codes whose half would not do, then odd
  // ones without a half, the same in all lanes.
  for (auto code = hn::Add(start, one);; code = hn::Add(code, one)) {
    const auto half = UE4M3HalfLanes(df, hn::Min(code, hn::Set(di, kLargestCode)));
    const auto is_large = hn::Gt(amax, hn::Mul(hn::Set(df, kHalvable), half));
    const auto is_active =
        hn::And(is_large, hn::RebindMask(df, hn::Lt(code, hn::Set(di, kLargestCode + 1))));
    if (hn::AllFalse(df, is_active)) break;
    TryScale<false>(df, a, code, half, is_active, best);
  }
  for (int number = 1; number < kFirstWithHalf; number += 2) {
    const auto code = hn::Set(di, number);
    const auto half = hn::Set(df, UE4M3Half(static_cast<uint8_t>(number)));
    const auto is_small = hn::Le(amax, hn::Mul(hn::Set(df, kHalvable), half));
    const auto is_active = hn::And(is_small, hn::RebindMask(df, hn::Gt(code, start)));
    if (hn::AllFalse(df, is_active)) continue;
    TryScale<false>(df, a, code, half, is_active, best);
  }
  return best.code;
}

// `count` groups, at most one per lane and whole blocks. False: magnitudes too large, nothing is
// written.
HWY_INLINE bool EncodeLanes(Lanes df, const float* HWY_RESTRICT rows, size_t count,
                            BlockNVFP4* HWY_RESTRICT blocks) {
  const hn::Rebind<uint8_t, Lanes> d8;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float a[kGroupValues * kMaxGroups];
  HWY_ALIGN uint8_t scales[kMaxGroups];
  LoadBlocksToLanes(df, rows, kGroupValues, count, kGroupValues, a);
  auto amax = hn::Zero(df);
  for (size_t i = 0; i < kGroupValues * lanes; i += lanes) {
    const auto magnitude = hn::Abs(hn::Load(df, a + i));
    hn::Store(magnitude, df, a + i);
    amax = hn::Max(amax, magnitude);
  }
  if (!hn::AllTrue(df, hn::Le(amax, hn::Set(df, kLargestComparableFp4)))) return false;
  const auto code = BestScaleLanes(df, a, amax);
  hn::StoreU(hn::DemoteTo(d8, code), d8, scales);
  for (size_t g = 0; g < count; g += kBlockGroups) {
    BlockNVFP4& block = blocks[g / kBlockGroups];
    std::memcpy(block.d, scales + g, kBlockGroups);
    StoreNVFP4Codes(rows + g * kGroupValues, scales + g, block.qs);
  }
  return true;
}

#endif

void EncodeNVFP4StandardImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                             uint8_t* HWY_RESTRICT out) {
  auto* blocks = reinterpret_cast<BlockNVFP4*>(out);
  const size_t num_blocks = num_rows * columns / BlockNVFP4::kValues;
#if HWY_TARGET == HWY_SCALAR
  EncodeBlocks(rows, num_blocks, blocks);
#else
  const Lanes df;
  const size_t batch = hn::Lanes(df) / kBlockGroups;
  for (size_t b = 0; b < num_blocks; b += batch) {
    const size_t count = HWY_MIN(batch, num_blocks - b);
    const float* HWY_RESTRICT x = rows + b * BlockNVFP4::kValues;
    if (HWY_UNLIKELY(!EncodeLanes(df, x, count * kBlockGroups, blocks + b))) {
      EncodeBlocks(x, count, blocks + b);
    }
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeNVFP4StandardScalar(const float* rows, size_t num_rows, size_t columns, const float*,
                               uint8_t* out) {
  EncodeBlocks(rows, num_rows * columns / BlockNVFP4::kValues, reinterpret_cast<BlockNVFP4*>(out));
}

HWY_EXPORT(EncodeNVFP4StandardImpl);

void EncodeNVFP4Standard(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeNVFP4StandardImpl)(rows, num_rows, columns, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
