#include "quantize/encode/refine/q8_0.h"

#include <algorithm>
#include <cmath>

#include "formats/codec/q8_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/q8_0.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/one_scale.h"
#include "quantize/encode/refine/usable_scale.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q8_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/float16-inl.h"
#include "quantize/encode/refine/one_scale-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_ONCE
namespace gguf {
namespace {

// Binary16 patterns above the lowest scale: `count` of them, `stride` apart; then `radius` on
// either side of the best.
struct Q8_0Plan {
  int count;
  int stride;
  int radius;
};

constexpr Q8_0Plan kStandardPlan = {10, 6, 0};
constexpr Q8_0Plan kMaxPlan = {28, 6, 3};

// The largest value over the lowest scale: below 127.5, with room for rounding.
constexpr float kTopCode = 127.49f;

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q8_0_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using VF = hn::Vec<LaneTag>;
using VI = hn::Vec<hn::RebindToSigned<LaneTag>>;

// Sum of squared errors of every lane's block, the codes being in range.
HWY_INLINE VF ErrorOfScale(LaneTag df, const float* HWY_RESTRICT x, VF d) {
  const auto magic = hn::Set(df, 12582912.0f);
  const auto inverse = hn::Div(hn::Set(df, 1.0f), d);
  auto sum = hn::Zero(df);
  HWY_UNROLL(8)
  for (size_t i = 0; i < kOneScaleValues; ++i) {
    const auto v = hn::Mul(inverse, hn::Load(df, x + i * hn::Lanes(df)));
    const auto rest = hn::Sub(v, hn::Sub(hn::Add(v, magic), magic));
    sum = hn::Add(sum, hn::Mul(rest, rest));
  }
  return hn::Mul(sum, hn::Mul(d, d));
}

// The same for any scale.
HWY_INLINE VF ErrorOfAnyScale(LaneTag df, const float* HWY_RESTRICT x, VF d) {
  const auto magic = hn::Set(df, 12582912.0f);
  const auto inverse = hn::Div(hn::Set(df, 1.0f), d);
  auto sum = hn::Zero(df);
  for (size_t i = 0; i < kOneScaleValues; ++i) {
    const auto v = hn::Mul(inverse, hn::Load(df, x + i * hn::Lanes(df)));
    const auto rounded = hn::Sub(hn::Add(v, magic), magic);
    const auto code = hn::Min(hn::Max(rounded, hn::Set(df, -127.0f)), hn::Set(df, 127.0f));
    const auto rest = hn::Sub(v, code);
    sum = hn::Add(sum, hn::Mul(rest, rest));
  }
  return hn::Mul(sum, hn::Mul(d, d));
}

// Keeps `half` where it is finite and better.
HWY_INLINE void TryHalf(LaneTag df, const float* HWY_RESTRICT x, VI half, VI& best, VF& error) {
  const hn::RebindToSigned<LaneTag> di;
  const auto finite = hn::Min(half, hn::Set(di, 0x7BFF));
  const auto candidate = ErrorOfScale(df, x, FromF16Bits(df, finite));
  const auto better = hn::And(hn::Lt(candidate, error), hn::RebindMask(df, hn::Eq(half, finite)));
  error = hn::IfThenElse(better, candidate, error);
  best = hn::IfThenElse(hn::RebindMask(di, better), half, best);
}

// halves: of every lane, in and out.
HWY_INLINE void ImproveHalves(const Q8_0Plan& plan, const float* HWY_RESTRICT x,
                              int32_t* HWY_RESTRICT halves) {
  const LaneTag df;
  const hn::RebindToSigned<LaneTag> di;
  auto magnitude = hn::Zero(df);
  for (size_t i = 0; i < kOneScaleValues; ++i) {
    magnitude = hn::Max(magnitude, hn::Abs(hn::Load(df, x + i * hn::Lanes(df))));
  }
  const auto lowest_scale = hn::Div(magnitude, hn::Set(df, kTopCode));
  const auto rounded = F16Bits(df, lowest_scale);
  const auto below = hn::Lt(FromF16Bits(df, rounded), lowest_scale);
  const auto lowest = hn::Sub(rounded, hn::VecFromMask(di, hn::RebindMask(di, below)));

  auto best = hn::Load(di, halves);
  auto error = ErrorOfAnyScale(df, x, FromF16Bits(df, best));
  auto candidate = lowest;
  for (int k = 0; k < plan.count; ++k) {
    TryHalf(df, x, candidate, best, error);
    candidate = hn::Add(candidate, hn::Set(di, plan.stride));
  }
  const auto middle = best;
  for (int k = 1; k <= plan.radius; ++k) {
    TryHalf(df, x, hn::Add(middle, hn::Set(di, k)), best, error);
    TryHalf(df, x, hn::Max(hn::Sub(middle, hn::Set(di, k)), lowest), best, error);
  }
  hn::Store(best, di, halves);
}

// Codes of one block.
HWY_INLINE void CodesOfBlock(LaneTag df, const float* HWY_RESTRICT x, uint16_t half,
                             int8_t* HWY_RESTRICT codes) {
  const hn::RebindToSigned<LaneTag> di;
  const hn::Rebind<int8_t, LaneTag> d8;
  const auto magic = hn::Set(df, 12582912.0f);
  const auto inverse = hn::Set(df, 1.0f / F16ToF32(half));
  for (size_t i = 0; i < kOneScaleValues; i += hn::Lanes(df)) {
    const auto v = hn::Mul(inverse, hn::LoadU(df, x + i));
    const auto rounded = hn::Sub(hn::Add(v, magic), magic);
    const auto code = hn::Min(hn::Max(rounded, hn::Set(df, -127.0f)), hn::Set(df, 127.0f));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, code)), d8, codes + i);
  }
}

void ImproveQ8_0Rows(const Q8_0Plan& plan, const float* HWY_RESTRICT rows, size_t num_blocks,
                     BlockQ8_0* HWY_RESTRICT blocks) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float x[kOneScaleValues * kMaxLanes];
  HWY_ALIGN int32_t halves[kMaxLanes] = {};
  for (size_t b = 0; b < num_blocks; b += lanes) {
    const size_t used = HWY_MIN(lanes, num_blocks - b);
    const float* HWY_RESTRICT values = rows + b * kOneScaleValues;
    LoadBlocksToLanes(df, values, kOneScaleValues, used, kOneScaleValues, x);
    for (size_t k = 0; k < lanes; ++k) {
      const uint16_t half = blocks[b + HWY_MIN(k, used - 1)].d;
      halves[k] = IsUsableScale(half) ? half : 0x3C00;
    }
    ImproveHalves(plan, x, halves);
    for (size_t k = 0; k < used; ++k) {
      if (!IsUsableScale(blocks[b + k].d)) continue;
      blocks[b + k].d = static_cast<uint16_t>(halves[k]);
      CodesOfBlock(df, values + k * kOneScaleValues, blocks[b + k].d, blocks[b + k].qs);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(ImproveQ8_0Rows);

namespace {

float Code(float v) {
  const float rounded = (v + 12582912.0f) - 12582912.0f;
  return std::min(std::max(rounded, -127.0f), 127.0f);
}

float ErrorOfScale(const float* x, float d) {
  const float inverse = 1.0f / d;
  float sum = 0.0f;
  for (size_t i = 0; i < kOneScaleValues; ++i) {
    const float v = inverse * x[i];
    const float rest = v - Code(v);
    sum += rest * rest;
  }
  return sum * (d * d);
}

void TryHalf(const float* x, int half, int& best, float& error) {
  if (half > 0x7BFF) return;
  const float candidate = ErrorOfScale(x, F16ToF32(static_cast<uint16_t>(half)));
  if (!(candidate < error)) return;
  error = candidate;
  best = half;
}

void ImproveBlock(const Q8_0Plan& plan, const float* x, BlockQ8_0& block) {
  float magnitude = 0.0f;
  for (size_t i = 0; i < kOneScaleValues; ++i) magnitude = std::max(magnitude, std::fabs(x[i]));
  const float lowest_scale = magnitude / kTopCode;
  int lowest = F32ToF16(lowest_scale);
  if (F16ToF32(static_cast<uint16_t>(lowest)) < lowest_scale) ++lowest;
  int best = block.d;
  float error = ErrorOfScale(x, F16ToF32(block.d));
  for (int k = 0; k < plan.count; ++k) TryHalf(x, lowest + k * plan.stride, best, error);
  const int middle = best;
  for (int k = 1; k <= plan.radius; ++k) {
    TryHalf(x, middle + k, best, error);
    TryHalf(x, std::max(middle - k, lowest), best, error);
  }
  block.d = static_cast<uint16_t>(best);
  const float inverse = 1.0f / F16ToF32(block.d);
  for (size_t i = 0; i < kOneScaleValues; ++i) {
    block.qs[i] = static_cast<int8_t>(Code(inverse * x[i]));
  }
}

void Encode(const Q8_0Plan& plan, const float* rows, size_t num_rows, size_t columns, const float*,
            uint8_t* out) {
  EncodeQ8_0(rows, num_rows, columns, nullptr, out);
  HWY_DYNAMIC_DISPATCH(ImproveQ8_0Rows)
  (plan, rows, num_rows * columns / kOneScaleValues, reinterpret_cast<BlockQ8_0*>(out));
}

void EncodeScalar(const Q8_0Plan& plan, const float* rows, size_t num_rows, size_t columns,
                  const float*, uint8_t* out) {
  EncodeQ8_0Reference(rows, num_rows, columns, nullptr, out);
  auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
  for (size_t b = 0; b < num_rows * columns / kOneScaleValues; ++b) {
    if (IsUsableScale(blocks[b].d)) ImproveBlock(plan, rows + b * kOneScaleValues, blocks[b]);
  }
}

}  // namespace

GGUF_DEFINE_EFFORT_ENCODERS(Q8_0, Encode, EncodeScalar, kStandardPlan, kMaxPlan);

}  // namespace gguf
#endif  // HWY_ONCE
