// Orders of activations, so that codes need no moving between lanes. A word holds 16 bits; w counts
// words of a 64-byte piece of codes, b bytes; 32-bit sums take the words 2i and 2i + 1.
//
// kNibblePairs (Q4_K, 128 values in 64 bytes): word w holds values 2v, 2v + 1 of the even group in
// its low nibbles and of the odd group in its high ones. In turn 32 words of: even group even
// value, even group odd value, odd group even value, odd group odd value. Sums: 8 lanes per group.
// kNibbleHalves (IQ4_XS, 128 values in 64 bytes): byte b holds values j and j + 16 of its group. In
// turn 32 words of: low nibbles of even bytes, of odd bytes, high nibbles of even bytes, of odd
// bytes. Sums: 4 lanes per group of 32.
// kSixBits (Q6_K): per 32 values 16 words of the even ones, 16 of the odd ones. Sums: 8 lanes.
// kEvenOdd (dot_grid.h): per 64 values 32 words of the even ones, 32 of the odd ones. Sums: 4 lanes
// per 16 values, 8 per group of 32.

#include "runtime/ops/dot.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "formats/codec/codebooks/iq4nl.h"
#include "formats/codec/iq4_xs.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q6_k.h"
#include "formats/codec/q8_0.h"
#include "runtime/ops/dot_grid.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/dot.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "runtime/ops/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if GGUF_HAVE_DOT

// Of each type of floats: values of a vector, and one value.
struct ValuesF32 {
  static constexpr size_t kBytes = 4;
  static HWY_INLINE VF Load(const uint8_t* at) {
    return hn::BitCast(DF(), hn::LoadU(hn::Repartition<uint8_t, DF>(), at));
  }
  static HWY_INLINE float LoadOne(const uint8_t* at) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
};

template <float (*kToFloat)(uint16_t)>
struct Values16 {
  static constexpr size_t kBytes = 2;
  static HWY_INLINE float LoadOne(const uint8_t* at) {
    uint16_t half;
    std::memcpy(&half, at, sizeof(half));
    return kToFloat(half);
  }
};

struct ValuesF16 : Values16<F16ToF32> {
  static HWY_INLINE VF Load(const uint8_t* at) {
    const hn::Rebind<hwy::float16_t, DF> d16;
    return hn::PromoteTo(DF(), hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(at)));
  }
};

struct ValuesBF16 : Values16<BF16ToF32> {
  static HWY_INLINE VF Load(const uint8_t* at) {
    const hn::Rebind<uint16_t, DF> d16;
    const auto* words = reinterpret_cast<const uint16_t*>(at);
    const auto bits = hn::PromoteTo(hn::RebindToUnsigned<DF>(), hn::LoadU(d16, words));
    return hn::BitCast(DF(), hn::ShiftLeft<16>(bits));
  }
};

// How far ahead in a row its cache lines are asked for, and beyond its end in the row that is read
// after it. Rows side by side keep more of them under way: reading one row after the other reaches
// two thirds of the speed.
inline constexpr size_t kAheadInRow = 2048;

template <class Values, size_t kRows>
HWY_INLINE void DotFloats(const uint8_t* rows, size_t row_bytes, size_t columns, const float* x,
                          float* out) {
  constexpr size_t kBytes = Values::kBytes, kStep = 2 * kN;
  VF sums[kRows][2];
  GGUF_UNROLL
  for (size_t r = 0; r < kRows; ++r) sums[r][0] = sums[r][1] = hn::Zero(DF());
  size_t i = 0;
  for (; i + kStep <= columns; i += kStep) {
    const size_t at = i * kBytes;
    const size_t ahead =
        at + kAheadInRow + (at + kAheadInRow < row_bytes ? 0 : (kRows - 1) * row_bytes);
    const VF x0 = hn::LoadU(DF(), x + i), x1 = hn::LoadU(DF(), x + i + kN);
    GGUF_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const uint8_t* row = rows + r * row_bytes;
      Prefetch<kStep * kBytes>(row + ahead);
      sums[r][0] = hn::MulAdd(Values::Load(row + at), x0, sums[r][0]);
      sums[r][1] = hn::MulAdd(Values::Load(row + at + kN * kBytes), x1, sums[r][1]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    out[r] = SumOf(hn::Add(sums[r][0], sums[r][1]));
    for (size_t k = i; k < columns; ++k) {
      out[r] += Values::LoadOne(rows + r * row_bytes + kBytes * k) * x[k];
    }
  }
}

template <class Values>
HWY_INLINE void DotFloatRows(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
                             const float* x, float* out) {
  size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    DotFloats<Values, 4>(rows + r * row_bytes, row_bytes, columns, x, out + r);
  }
  for (; r < count; ++r) {
    DotFloats<Values, 1>(rows + r * row_bytes, row_bytes, columns, x, out + r);
  }
}

template <int kParts>
HWY_INLINE float RowQ8_0(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ8_0*>(row);
  const hn::Rebind<int8_t, DI16> d8;
  Totals<kParts> total[2];
  const auto add = [&](size_t b, Totals<kParts>& to) HWY_ATTR {
    PrefetchAhead<sizeof(BlockQ8_0)>(block + b);
    Sums<kParts> sums;
    for (size_t i = 0; i < 32; i += 2 * kN) {
      const VI16 codes = hn::PromoteTo(DI16(), hn::LoadU(d8, block[b].qs + i));
      MulPairs(codes, x.codes() + 32 * b + i, columns, sums);
    }
    AddScaled(sums, hn::Set(DF(), HalfToFloat(&block[b].d) * x.scales()[b]), to);
  };
  size_t b = 0;
  for (; b + 2 <= columns / 32; b += 2) {
    add(b, total[0]);
    add(b + 1, total[1]);
  }
  if (b < columns / 32) add(b, total[0]);
  return SumOf(total[0]) + SumOf(total[1]);
}

template <int kParts>
HWY_INLINE float RowQ4_K(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ4_K*>(row);
  const DI16 d16;
  const VI16 nibble = hn::Set(d16, 15);
  const hn::CappedTag<float, 8> d8;
  Totals<kParts> total[2];
  auto minimum_total = hn::Zero(d8);
  for (size_t b = 0; b < columns / 256; ++b, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    const auto scale_codes = KScaleCodes(block->scales);
    // Per piece the scales of groups 0 and 2, then 1 and 3; behind them the minimums.
    alignas(16) static constexpr int8_t kPlaces[5][16] = {
        {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2},
        {1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3},
        {4, 4, 4, 4, 4, 4, 4, 4, 6, 6, 6, 6, 6, 6, 6, 6},
        {5, 5, 5, 5, 5, 5, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7},
        {8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15}};
    HWY_ALIGN float scales[80];
    const float d = HalfToFloat(&block->d);
    for (size_t i = 0; i < 4; ++i) ScaledCodes(scale_codes, kPlaces[i], d, scales + 16 * i);
    ScaledCodes(scale_codes, kPlaces[4], HalfToFloat(&block->dmin), scales + 64);
    for (size_t i = 0; i < 8; i += hn::MaxLanes(d8)) {
      minimum_total = hn::MulAdd(hn::Load(d8, scales + 64 + i), hn::LoadU(d8, x.sums() + 8 * b + i),
                                 minimum_total);
    }
    for (size_t c = 0; c < 2; ++c) {
      const int16_t* xs = x.codes() + 256 * b + 128 * c;
      for (size_t w = 0; w < 32; w += 2 * kN) {
        const auto packed = hn::BitCast(DU16(), hn::LoadU(DU8(), block->qs + 64 * c + 2 * w));
        const auto at = [&](auto v) HWY_ATTR { return hn::And(hn::BitCast(d16, v), nibble); };
        Sums<kParts> even, odd;
        MulPairs(at(packed), xs + w, columns, even);
        MulPairs(at(hn::ShiftRight<8>(packed)), xs + 32 + w, columns, even);
        MulPairs(at(hn::ShiftRight<4>(packed)), xs + 64 + w, columns, odd);
        MulPairs(hn::BitCast(d16, hn::ShiftRight<12>(packed)), xs + 96 + w, columns, odd);
        const float* scale = scales + 32 * c + w / 2;
        const float* x_scale = x.scales() + 64 * b + 32 * c + w / 2;
        const VF even_scale = hn::Mul(hn::Load(DF(), scale), hn::LoadU(DF(), x_scale));
        const VF odd_scale = hn::Mul(hn::Load(DF(), scale + 16), hn::LoadU(DF(), x_scale + 16));
        AddScaled(even, even_scale, total[0]);
        AddScaled(odd, odd_scale, total[1]);
      }
    }
  }
  return SumOf(total[0]) + SumOf(total[1]) - hn::GetLane(hn::SumOfLanes(d8, minimum_total));
}

// IQ4_XSScale of groups 0, 2, 4, 6, 1, 3, 5, 7.
HWY_INLINE hn::Vec<DI8x16> ScalesOf(const BlockIQ4_XS& block) {
  uint32_t low;
  std::memcpy(&low, block.scales_l, sizeof(low));
  const auto two_bits = [](uint32_t bits) {  // bits 4i, 4i + 1 to byte i, as bits 4 and 5
    bits = (bits | bits << 8) & 0x00FF00FFu;
    return ((bits | bits << 4) & 0x03030303u) << 4;
  };
  const uint32_t high = block.scales_h;
  const uint64_t even = (low & 0x0F0F0F0Fu) | two_bits(high & 0x3333u);
  const uint64_t odd = ((low >> 4) & 0x0F0F0F0Fu) | two_bits((high >> 2) & 0x3333u);
  const auto codes = hn::BitCast(DI8x16(), hn::Set(hn::FixedTag<uint64_t, 2>(), even | odd << 32));
  return hn::Sub(codes, hn::Set(DI8x16(), 32));
}

template <int kParts>
HWY_INLINE float RowIQ4_XS(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockIQ4_XS*>(row);
  const DI16 d16;
  const DU8 d8;
  const auto levels = hn::LoadDup128(d8, reinterpret_cast<const uint8_t*>(kIq4nl));
  const auto nibble = hn::Set(d8, 15);
  Totals<kParts> total;
  for (size_t b = 0; b < columns / 256; ++b, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    alignas(16) static constexpr int8_t kPlaces[2][16] = {
        {0, 0, 0, 0, 4, 4, 4, 4, 1, 1, 1, 1, 5, 5, 5, 5},
        {2, 2, 2, 2, 6, 6, 6, 6, 3, 3, 3, 3, 7, 7, 7, 7}};
    HWY_ALIGN float scales[32];
    const float d = HalfToFloat(&block->d);
    const auto codes = ScalesOf(*block);
    ScaledCodes(codes, kPlaces[0], d, scales);
    ScaledCodes(codes, kPlaces[1], d, scales + 16);
    for (size_t c = 0; c < 2; ++c) {
      const int16_t* xs = x.codes() + 256 * b + 128 * c;
      for (size_t w = 0; w < 32; w += 2 * kN) {
        const auto packed = hn::LoadU(d8, block->qs + 64 * c + 2 * w);
        const auto high_nibbles =
            hn::And(hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(DU16(), packed))), nibble);
        const VI16 low = hn::BitCast(d16, hn::TableLookupBytes(levels, hn::And(packed, nibble)));
        const VI16 high = hn::BitCast(d16, hn::TableLookupBytes(levels, high_nibbles));
        Sums<kParts> sums;
        MulPairs(EvenBytes(low), xs + w, columns, sums);
        MulPairs(OddBytes(low), xs + 32 + w, columns, sums);
        MulPairs(EvenBytes(high), xs + 64 + w, columns, sums);
        MulPairs(OddBytes(high), xs + 96 + w, columns, sums);
        const VF scale = hn::Mul(hn::Load(DF(), scales + 16 * c + w / 2),
                                 hn::LoadU(DF(), x.scales() + 32 * b + 16 * c + w / 2));
        AddScaled(sums, scale, total);
      }
    }
  }
  return SumOf(total);
}

// Eight sums at a time: the four parts of a half lie in different places of ql and qh.
template <int kParts>
HWY_INLINE float RowQ6_K(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ6_K*>(row);
  using D = hn::CappedTag<float, 8>;
  const D df;
  const hn::Repartition<uint8_t, decltype(df)> d8;
  const hn::Repartition<uint16_t, decltype(df)> du16;
  const hn::RebindToSigned<decltype(du16)> d16;
  constexpr size_t kFloats = hn::MaxLanes(df);
  Totals<kParts, D> total;
  for (size_t b = 0; b < columns / 256; ++b, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    alignas(16) static constexpr int8_t kPlaces[4][16] = {
        {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3},
        {4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7},
        {8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11},
        {12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15}};
    HWY_ALIGN float scales[64];
    const float d = HalfToFloat(&block->d);
    const auto codes = hn::LoadU(DI8x16(), block->scales);
    for (size_t i = 0; i < 4; ++i) ScaledCodes(codes, kPlaces[i], d, scales + 16 * i);
    for (size_t half = 0; half < 2; ++half) {
      for (size_t w = 0; w < 16; w += 2 * kFloats) {
        const auto load = [&](const uint8_t* bytes)
                              HWY_ATTR { return hn::BitCast(du16, hn::LoadU(d8, bytes + 2 * w)); };
        const auto ql0 = load(block->ql + 64 * half);
        const auto ql1 = load(block->ql + 64 * half + 32);
        const auto qh = load(block->qh + 32 * half);
        const decltype(qh) low[4] = {ql0, ql1, hn::ShiftRight<4>(ql0), hn::ShiftRight<4>(ql1)};
        const decltype(qh) high[4] = {hn::ShiftLeft<4>(qh), hn::ShiftLeft<2>(qh), qh,
                                      hn::ShiftRight<2>(qh)};
        GGUF_UNROLL
        for (size_t part = 0; part < 4; ++part) {
          const auto code = hn::Or(hn::And(low[part], hn::Set(du16, 0x0F0F)),
                                   hn::And(high[part], hn::Set(du16, 0x3030)));
          const auto bytes = hn::BitCast(d16, hn::Sub(hn::BitCast(d8, code), hn::Set(d8, 32)));
          const size_t group = 4 * half + part;
          const int16_t* xs = x.codes() + 256 * b + 32 * group + w;
          Sums<kParts, hn::RebindToSigned<D>> sums;
          MulPairs(hn::ShiftRight<8>(hn::ShiftLeft<8>(bytes)), xs, columns, sums);
          MulPairs(hn::ShiftRight<8>(bytes), xs + 16, columns, sums);
          const auto scale = hn::Mul(hn::LoadU(df, scales + 8 * group + w / 2),
                                     hn::Set(df, x.scales()[8 * b + group]));
          AddScaled(sums, scale, total);
        }
      }
    }
  }
  return SumOf(total);
}

#define GGUF_DEFINE_FLOATS(type)                                                      \
  void Dot##type(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, \
                 const DotActivations& x, float* out) {                               \
    DotFloatRows<Values##type>(rows, row_bytes, count, columns, x.values(), out);     \
  }
GGUF_DEFINE_FLOATS(F32)
GGUF_DEFINE_FLOATS(F16)
GGUF_DEFINE_FLOATS(BF16)
#undef GGUF_DEFINE_FLOATS

#define GGUF_DEFINE_DOT(type)                                                                   \
  void Dot##type(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,           \
                 const DotActivations& x, float* out) {                                         \
    for (size_t r = 0; r < count; ++r, rows += row_bytes) {                                     \
      out[r] =                                                                                  \
          x.num_parts() == 2 ? Row##type<2>(rows, columns, x) : Row##type<1>(rows, columns, x); \
    }                                                                                           \
  }
GGUF_DEFINE_DOT(Q8_0)
GGUF_DEFINE_DOT(Q4_K)
GGUF_DEFINE_DOT(Q6_K)
GGUF_DEFINE_DOT(IQ4_XS)
#undef GGUF_DEFINE_DOT

#endif  // GGUF_HAVE_DOT

bool HasDotKernels() { return GGUF_HAVE_DOT != 0; }

#if !GGUF_HAVE_DOT
#define GGUF_NO_DOT(type) \
  void Dot##type(const uint8_t*, size_t, size_t, size_t, const DotActivations&, float*) {}
GGUF_NO_DOT(F32)
GGUF_NO_DOT(F16)
GGUF_NO_DOT(BF16)
GGUF_NO_DOT(Q8_0)
GGUF_NO_DOT(Q4_K)
GGUF_NO_DOT(Q6_K)
GGUF_NO_DOT(IQ4_XS)
#undef GGUF_NO_DOT
#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// Place of value i of a unit in the kernel's order.
size_t PlaceOf(DotOrder order, size_t i) {
  const size_t group = i / 32 % 4, v = i % 32, piece = i / 128 * 128;
  switch (order) {
    case DotOrder::kNibblePairs:
      return piece + (group % 2 * 2 + v % 2) * 32 + group / 2 * 16 + v / 2;
    case DotOrder::kNibbleHalves:
      return piece + (v / 16 * 2 + v % 2) * 32 + group * 8 + v % 16 / 2;
    case DotOrder::kSixBits:
      return i / 32 * 32 + v % 2 * 16 + v / 2;
    case DotOrder::kEvenOdd:
      return i / 64 * 64 + i % 2 * 32 + i % 64 / 2;
    default:
      return i;
  }
}

#define GGUF_EXPORT_DOT(type)                                                         \
  HWY_EXPORT(Dot##type);                                                              \
  void Run##type(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, \
                 const DotActivations& x, float* out) {                               \
    HWY_DYNAMIC_DISPATCH(Dot##type)(rows, row_bytes, count, columns, x, out);         \
  }
GGUF_EXPORT_DOT(F32)
GGUF_EXPORT_DOT(F16)
GGUF_EXPORT_DOT(BF16)
GGUF_EXPORT_DOT(Q8_0)
GGUF_EXPORT_DOT(Q4_K)
GGUF_EXPORT_DOT(Q6_K)
GGUF_EXPORT_DOT(IQ4_XS)
#undef GGUF_EXPORT_DOT

HWY_EXPORT(HasDotKernels);

constexpr DotKernel kKernels[] = {
    {TensorType::kF32, DotOrder::kFloat, RunF32},
    {TensorType::kF16, DotOrder::kFloat, RunF16},
    {TensorType::kBF16, DotOrder::kFloat, RunBF16},
    {TensorType::kQ8_0, DotOrder::kNatural, RunQ8_0},
    {TensorType::kQ4_K, DotOrder::kNibblePairs, RunQ4_K},
    {TensorType::kQ6_K, DotOrder::kSixBits, RunQ6_K},
    {TensorType::kIQ4_XS, DotOrder::kNibbleHalves, RunIQ4_XS},
    {TensorType::kIQ2_XXS, DotOrder::kEvenOdd, DotIQ2_XXS},
    {TensorType::kIQ2_XS, DotOrder::kEvenOdd, DotIQ2_XS},
    {TensorType::kIQ2_S, DotOrder::kEvenOdd, DotIQ2_S},
    {TensorType::kIQ3_XXS, DotOrder::kEvenOdd, DotIQ3_XXS},
    {TensorType::kIQ3_S, DotOrder::kEvenOdd, DotIQ3_S},
};

}  // namespace

void DotActivations::Assign(const float* values, size_t columns, DotOrder order, int num_parts) {
  values_ = values;
  num_parts_ = num_parts;
  if (order == DotOrder::kFloat) return;
  const size_t num_groups = columns / 32;
  codes_.resize(num_parts * columns);
  sums_.resize(num_groups);
  std::vector<float> group_scales(num_groups);
  size_t places[256];
  for (size_t i = 0; i < 256; ++i) places[i] = PlaceOf(order, i);
  for (size_t g = 0; g < num_groups; ++g) {
    const float* x = values + 32 * g;
    float largest = 0.0f;
    for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::abs(x[i]));
    const float scale = largest / 32767.0f;
    // Below normal numbers a scale has no precision, nor a reciprocal.
    const float inverse = scale >= std::numeric_limits<float>::min() ? 1.0f / scale : 0.0f;
    int16_t* codes = codes_.data() + g / 8 * 256;
    const size_t* place = places + g % 8 * 32;
    // Steps beyond 16 bits are those of a scale that was rounded down.
    const auto code_of = [](float steps) {
      return static_cast<int16_t>(std::clamp(std::lrintf(steps), -32767l, 32767l));
    };
    int64_t sum = 0;
    for (size_t i = 0; i < 32; ++i) {
      const int16_t code = code_of(x[i] * inverse);
      sum += code;
      codes[place[i]] = code;
    }
    if (num_parts == 2) {
      sum *= static_cast<int64_t>(kDotSecondPart);
      for (size_t i = 0; i < 32; ++i) {
        const double rest = double{x[i]} - double{scale} * codes[place[i]];
        const int16_t code = code_of(static_cast<float>(rest * inverse * kDotSecondPart));
        sum += code;
        codes[columns + place[i]] = code;
      }
    }
    group_scales[g] = scale;
    sums_[g] = static_cast<float>(static_cast<double>(sum) * scale /
                                  (num_parts == 2 ? kDotSecondPart : 1.0f));
  }
  if (order == DotOrder::kNatural || order == DotOrder::kSixBits) {
    scales_ = std::move(group_scales);
    return;
  }
  const size_t lanes = order == DotOrder::kNibbleHalves ? 4 : 8;  // per group
  scales_.resize(num_groups * lanes);
  for (size_t g = 0; g < num_groups; ++g) {
    // Pairs: groups 0, 2, 1, 3 of each four.
    const size_t at = order == DotOrder::kNibblePairs ? g / 4 * 4 + g % 2 * 2 + g % 4 / 2 : g;
    std::fill_n(scales_.begin() + at * lanes, lanes, group_scales[g]);
  }
}

const DotKernel* FindDotKernel(TensorType type) {
  if (!HWY_DYNAMIC_DISPATCH(HasDotKernels)()) return nullptr;
  for (const DotKernel& kernel : kKernels) {
    if (kernel.type == type) return &kernel;
  }
  return nullptr;
}

}  // namespace gguf
#endif  // HWY_ONCE
