#include "quantize/encode/refine/q2_0.h"

#include <algorithm>
#include <cmath>

#include "formats/codec/q2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/refine/binary16_scale.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q2_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"
#include "quantize/encode/refine/binary16_scale-inl.h"
#include "quantize/encode/refine/sort_lanes-inl.h"
#include "quantize/encode/ternary-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockQ2_0::kValues;
constexpr size_t kEvents = 2 * kValues;

// An event is half the scale below which a code grows: a magnitude (code 0 to 1) or a third of one
// (1 to 2). Its two lowest bits tell which, and the sign of the value; sorted, they stay with it.
// Magnitudes lose four bits, so that different ones have different thirds of 22 bits.
constexpr uint32_t kNegativeBit = 1;
constexpr uint32_t kSecondBit = 2;
constexpr uint32_t kFirstMask = ~15u;
constexpr uint32_t kSecondMask = ~3u;
constexpr float kThird = 1.0f / 3.0f;

// The best codes of one sign of the scale so far. With a sum s of magnitude * |code| and a sum q of
// squared codes, the scale s / q takes s * s / q off the sum of squares.
struct Side {
  float sum = 0.0f;
  float squares = 0.0f;
  float best_sum = 0.0f;
  float best_squares = 1.0f;

  void Add(float growth, float code_growth) {
    sum += growth;
    squares += code_growth;
    if ((sum * sum) * best_squares > (best_sum * best_sum) * squares) {
      best_sum = sum;
      best_squares = squares;
    }
  }

  float Scale() const { return Binary16Scale(best_sum / best_squares); }

  // What Scale() takes off the sum of squares.
  float Gain() const {
    const float d = Scale();
    return d * ((best_sum + best_sum) - best_squares * d);
  }
};

float BestScale(const float* x) {
  float events[kEvents];
  for (size_t i = 0; i < kValues; ++i) {
    const uint32_t sign = BitsOf(x[i]) >> 31;
    const uint32_t magnitude = BitsOf(std::fabs(x[i])) & kFirstMask;
    const uint32_t third = BitsOf(FloatOf(magnitude) * kThird) & kSecondMask;
    events[i] = FloatOf(magnitude | sign);
    events[i + kValues] = FloatOf(third | sign | kSecondBit);
  }
  std::sort(events, events + kEvents);
  Side positive, negative;
  for (size_t k = kEvents; k-- > 0;) {
    const uint32_t bits = BitsOf(events[k]);
    const float magnitude = FloatOf(bits & kSecondMask);
    if ((bits & kSecondBit) == 0) {
      positive.Add(magnitude, 1.0f);
      negative.Add(magnitude, 1.0f);
    } else {
      Side& side = (bits & kNegativeBit) != 0 ? negative : positive;
      side.Add(magnitude * 3.0f, 3.0f);
    }
  }
  return negative.Gain() > positive.Gain() ? -negative.Scale() : positive.Scale();
}

void EncodeScalar(const float* rows, size_t num_blocks, BlockQ2_0* blocks) {
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    const float scale = BestScale(x);
    blocks[b].d = F32ToF16(scale);
    StoreQ2_0(x, InverseOrZero(scale), blocks[b].qs);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q2_0_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

using Lanes = hn::CappedTag<float, 16>;
constexpr size_t kMaxBlocks = 16;

struct SideLanes {
  explicit HWY_INLINE SideLanes(Lanes df)
      : sum(hn::Zero(df)),
        squares(hn::Zero(df)),
        best_sum(hn::Zero(df)),
        best_squares(hn::Set(df, 1.0f)),
        best_sum_squared(hn::Zero(df)) {}

  HWY_INLINE void Add(Lanes /* df */, hn::Vec<Lanes> growth, hn::Vec<Lanes> code_growth) {
    sum = hn::Add(sum, growth);
    squares = hn::Add(squares, code_growth);
    const auto sum_squared = hn::Mul(sum, sum);
    const auto better =
        hn::Gt(hn::Mul(sum_squared, best_squares), hn::Mul(best_sum_squared, squares));
    best_sum = hn::IfThenElse(better, sum, best_sum);
    best_squares = hn::IfThenElse(better, squares, best_squares);
    best_sum_squared = hn::IfThenElse(better, sum_squared, best_sum_squared);
  }

  HWY_INLINE hn::Vec<Lanes> Scale(Lanes df) const {
    return Binary16ScaleLanes(df, hn::Div(best_sum, best_squares));
  }

  HWY_INLINE hn::Vec<Lanes> Gain(Lanes df) const {
    const auto d = Scale(df);
    return hn::Mul(d, hn::Sub(hn::Add(best_sum, best_sum), hn::Mul(best_squares, d)));
  }

  hn::Vec<Lanes> sum, squares, best_sum, best_squares, best_sum_squared;
};

// The sorted events of the values `x` of one block per lane.
HWY_INLINE void SortedEvents(Lanes df, const float* HWY_RESTRICT x, float* HWY_RESTRICT events) {
  const hn::RebindToUnsigned<Lanes> du;
  const size_t lanes = hn::Lanes(df);
  const auto mask = hn::Set(du, kFirstMask);
  const auto second_mask = hn::Set(du, kSecondMask);
  for (size_t i = 0; i < kValues; ++i) {
    const auto v = hn::Load(df, x + i * lanes);
    const auto sign = hn::ShiftRight<31>(hn::BitCast(du, v));
    const auto first = hn::OrAnd(sign, hn::BitCast(du, hn::Abs(v)), mask);
    hn::Store(hn::BitCast(df, first), df, events + i * lanes);
  }
  SortLanes<kValues>(df, events);
  for (size_t i = 0; i < kValues; ++i) {
    const auto first = hn::BitCast(du, hn::Load(df, events + i * lanes));
    const auto bits = hn::Or(hn::AndNot(mask, first), hn::Set(du, kSecondBit));
    const auto third = hn::Mul(hn::BitCast(df, hn::And(first, mask)), hn::Set(df, kThird));
    const auto second = hn::OrAnd(bits, hn::BitCast(du, third), second_mask);
    hn::Store(hn::BitCast(df, second), df, events + (kEvents - 1 - i) * lanes);
  }
  MergeLanes<kEvents>(df, events);
}

// BestScale of every lane.
HWY_INLINE hn::Vec<Lanes> BestScaleLanes(Lanes df, const float* HWY_RESTRICT events) {
  const hn::RebindToUnsigned<Lanes> du;
  const size_t lanes = hn::Lanes(df);
  const auto three = hn::Set(df, 3.0f);
  const auto one = hn::Set(df, 1.0f);
  SideLanes positive(df), negative(df);
  for (size_t k = kEvents; k-- > 0;) {
    const auto bits = hn::BitCast(du, hn::Load(df, events + k * lanes));
    const auto magnitude = hn::BitCast(df, hn::And(bits, hn::Set(du, kSecondMask)));
    const auto second = hn::Set(du, kSecondBit);
    const auto negative_bit = hn::Set(du, kNegativeBit);
    const auto is_second = hn::RebindMask(df, hn::TestBit(bits, second));
    const auto is_negative = hn::RebindMask(df, hn::TestBit(bits, negative_bit));
    const auto code_growth = hn::IfThenElse(is_second, three, one);
    const auto growth = hn::IfThenElse(is_second, hn::Mul(magnitude, three), magnitude);
    const auto only_negative = hn::And(is_second, is_negative);
    const auto only_positive = hn::AndNot(is_negative, is_second);
    positive.Add(df, hn::IfThenZeroElse(only_negative, growth),
                 hn::IfThenZeroElse(only_negative, code_growth));
    negative.Add(df, hn::IfThenZeroElse(only_positive, growth),
                 hn::IfThenZeroElse(only_positive, code_growth));
  }
  return hn::IfThenElse(hn::Gt(negative.Gain(df), positive.Gain(df)), hn::Neg(negative.Scale(df)),
                        positive.Scale(df));
}

HWY_INLINE void EncodeBlocks(const float* HWY_RESTRICT rows, size_t num_blocks,
                             BlockQ2_0* HWY_RESTRICT blocks) {
  const Lanes df;
  HWY_ALIGN float x[kValues * kMaxBlocks];
  HWY_ALIGN float events[kEvents * kMaxBlocks];
  HWY_ALIGN float scales[kMaxBlocks];
  for (size_t first = 0; first < num_blocks; first += hn::Lanes(df)) {
    const size_t count = HWY_MIN(hn::Lanes(df), num_blocks - first);
    LoadBlocksToLanes(df, rows + first * kValues, kValues, count, kValues, x);
    SortedEvents(df, x, events);
    hn::Store(BestScaleLanes(df, events), df, scales);
    for (size_t b = 0; b < count; ++b) {
      BlockQ2_0& block = blocks[first + b];
      block.d = F32ToF16(scales[b]);
      StoreQ2_0Codes<true>(rows + (first + b) * kValues, InverseOrZero(scales[b]), block.qs);
    }
  }
}

#endif

void EncodeQ2_0StandardImpl(const float* HWY_RESTRICT rows, size_t num_blocks,
                            uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeScalar(rows, num_blocks, reinterpret_cast<BlockQ2_0*>(out));
#else
  EncodeBlocks(rows, num_blocks, reinterpret_cast<BlockQ2_0*>(out));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ2_0StandardScalar(const float* rows, size_t num_rows, size_t columns, const float*,
                              uint8_t* out) {
  EncodeScalar(rows, num_rows * columns / kValues, reinterpret_cast<BlockQ2_0*>(out));
}

HWY_EXPORT(EncodeQ2_0StandardImpl);

void EncodeQ2_0Standard(const float* rows, size_t num_rows, size_t columns, const float*,
                        uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ2_0StandardImpl)(rows, num_rows * columns / kValues, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
