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

// Four vectors at a time of row(i) * x[i], whose values have kBytes each
template <size_t kBytes, class Row>
HWY_INLINE float DotFloats(const uint8_t* bytes, size_t columns, const float* x, const Row& row) {
  const DF d;
  VF sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t i = 0;
  for (; i + 4 * kN <= columns; i += 4 * kN) {
    PrefetchAhead<4 * kN * kBytes>(bytes + kBytes * i);
    sum[0] = hn::MulAdd(row(i), hn::LoadU(d, x + i), sum[0]);
    sum[1] = hn::MulAdd(row(i + kN), hn::LoadU(d, x + i + kN), sum[1]);
    sum[2] = hn::MulAdd(row(i + 2 * kN), hn::LoadU(d, x + i + 2 * kN), sum[2]);
    sum[3] = hn::MulAdd(row(i + 3 * kN), hn::LoadU(d, x + i + 3 * kN), sum[3]);
  }
  for (; i + kN <= columns; i += kN) sum[0] = hn::MulAdd(row(i), hn::LoadU(d, x + i), sum[0]);
  return SumOf(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
}

float DotF32(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* values = reinterpret_cast<const float*>(row);
  float sum = DotFloats<4>(row, columns, x.values(),
                           [values](size_t i) HWY_ATTR { return hn::LoadU(DF(), values + i); });
  for (size_t i = columns / kN * kN; i < columns; ++i) {
    float value;
    std::memcpy(&value, row + 4 * i, sizeof(value));
    sum += value * x.values()[i];
  }
  return sum;
}

float DotF16(const uint8_t* row, size_t columns, const DotActivations& x) {
  const hn::Rebind<hwy::float16_t, DF> d16;
  const auto* values = reinterpret_cast<const hwy::float16_t*>(row);
  float sum = DotFloats<2>(row, columns, x.values(), [&](size_t i) HWY_ATTR {
    return hn::PromoteTo(DF(), hn::LoadU(d16, values + i));
  });
  for (size_t i = columns / kN * kN; i < columns; ++i) {
    uint16_t half;
    std::memcpy(&half, row + 2 * i, sizeof(half));
    sum += F16ToF32(half) * x.values()[i];
  }
  return sum;
}

float DotBF16(const uint8_t* row, size_t columns, const DotActivations& x) {
  const hn::Rebind<uint16_t, DF> d16;
  const hn::RebindToUnsigned<DF> d32;
  const auto* values = reinterpret_cast<const uint16_t*>(row);
  float sum = DotFloats<2>(row, columns, x.values(), [&](size_t i) HWY_ATTR {
    const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, values + i));
    return hn::BitCast(DF(), hn::ShiftLeft<16>(bits));
  });
  for (size_t i = columns / kN * kN; i < columns; ++i) {
    uint16_t half;
    std::memcpy(&half, row + 2 * i, sizeof(half));
    sum += BF16ToF32(half) * x.values()[i];
  }
  return sum;
}

float DotQ8_0(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ8_0*>(row);
  const hn::Rebind<int8_t, DI16> d8;
  VF total = hn::Zero(DF());
  for (size_t b = 0; b < columns / 32; ++b) {
    PrefetchAhead<sizeof(BlockQ8_0)>(block + b);
    VI32 sums = hn::Zero(DI32());
    for (size_t i = 0; i < 32; i += 2 * kN) {
      const VI16 codes = hn::PromoteTo(DI16(), hn::LoadU(d8, block[b].qs + i));
      sums = MulPairs(codes, x.codes() + 32 * b + i, sums);
    }
    total = AddScaled(sums, hn::Set(DF(), HalfToFloat(&block[b].d) * x.scales()[b]), total);
  }
  return SumOf(total);
}

float DotQ4_K(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ4_K*>(row);
  const DI16 d16;
  const VI16 nibble = hn::Set(d16, 15);
  const hn::CappedTag<float, 8> d8;
  VF total[2] = {hn::Zero(DF()), hn::Zero(DF())};
  auto minimum_total = hn::Zero(d8);
  for (size_t b = 0; b < columns / 256; ++b, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    uint32_t words[3];
    std::memcpy(words, block->scales, sizeof(words));
    // Eight scales, then eight minimums (k_scales.h).
    const uint32_t codes[4] = {
        words[0] & 0x3F3F3F3Fu,
        (words[2] & 0x0F0F0F0Fu) | ((words[0] >> 6) & 0x03030303u) << 4,
        words[1] & 0x3F3F3F3Fu,
        ((words[2] >> 4) & 0x0F0F0F0Fu) | ((words[1] >> 6) & 0x03030303u) << 4,
    };
    const hn::FixedTag<uint64_t, 2> d64;
    const auto scale_codes = hn::BitCast(
        DI8x16(), hn::InterleaveLower(hn::Set(d64, codes[0] | uint64_t{codes[1]} << 32),
                                      hn::Set(d64, codes[2] | uint64_t{codes[3]} << 32)));
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
        VI32 even = MulPairs(at(packed), xs + w, hn::Zero(DI32()));
        even = MulPairs(at(hn::ShiftRight<8>(packed)), xs + 32 + w, even);
        VI32 odd = MulPairs(at(hn::ShiftRight<4>(packed)), xs + 64 + w, hn::Zero(DI32()));
        odd = MulPairs(hn::BitCast(d16, hn::ShiftRight<12>(packed)), xs + 96 + w, odd);
        const float* scale = scales + 32 * c + w / 2;
        const float* x_scale = x.scales() + 64 * b + 32 * c + w / 2;
        const VF even_scale = hn::Mul(hn::Load(DF(), scale), hn::LoadU(DF(), x_scale));
        const VF odd_scale = hn::Mul(hn::Load(DF(), scale + 16), hn::LoadU(DF(), x_scale + 16));
        total[0] = AddScaled(even, even_scale, total[0]);
        total[1] = AddScaled(odd, odd_scale, total[1]);
      }
    }
  }
  return SumOf(hn::Add(total[0], total[1])) - hn::GetLane(hn::SumOfLanes(d8, minimum_total));
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

float DotIQ4_XS(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockIQ4_XS*>(row);
  const DI16 d16;
  const DU8 d8;
  const auto levels = hn::LoadDup128(d8, reinterpret_cast<const uint8_t*>(kIq4nl));
  const auto nibble = hn::Set(d8, 15);
  VF total = hn::Zero(DF());
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
        VI32 sums = MulPairs(EvenBytes(low), xs + w, hn::Zero(DI32()));
        sums = MulPairs(OddBytes(low), xs + 32 + w, sums);
        sums = MulPairs(EvenBytes(high), xs + 64 + w, sums);
        sums = MulPairs(OddBytes(high), xs + 96 + w, sums);
        const VF scale = hn::Mul(hn::Load(DF(), scales + 16 * c + w / 2),
                                 hn::LoadU(DF(), x.scales() + 32 * b + 16 * c + w / 2));
        total = AddScaled(sums, scale, total);
      }
    }
  }
  return SumOf(total);
}

// Eight sums at a time: the four parts of a half lie in different places of ql and qh.
float DotQ6_K(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const BlockQ6_K*>(row);
  const hn::CappedTag<float, 8> df;
  const hn::Repartition<uint8_t, decltype(df)> d8;
  const hn::Repartition<uint16_t, decltype(df)> du16;
  const hn::RebindToSigned<decltype(du16)> d16;
  const hn::RebindToSigned<decltype(df)> d32;
  constexpr size_t kFloats = hn::MaxLanes(df);
  auto total = hn::Zero(df);
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
        const auto add = [&](size_t part, auto low, auto high) HWY_ATTR {
          const auto code =
              hn::Or(hn::And(low, hn::Set(du16, 0x0F0F)), hn::And(high, hn::Set(du16, 0x3030)));
          const auto bytes = hn::BitCast(d16, hn::Sub(hn::BitCast(d8, code), hn::Set(d8, 32)));
          const size_t group = 4 * half + part;
          const int16_t* xs = x.codes() + 256 * b + 32 * group + w;
          auto unused = hn::Zero(d32);
          auto sums = hn::ReorderWidenMulAccumulate(d32, hn::ShiftRight<8>(hn::ShiftLeft<8>(bytes)),
                                                    hn::LoadU(d16, xs), hn::Zero(d32), unused);
          sums = hn::ReorderWidenMulAccumulate(d32, hn::ShiftRight<8>(bytes),
                                               hn::LoadU(d16, xs + 16), sums, unused);
          const auto scale = hn::Mul(hn::LoadU(df, scales + 8 * group + w / 2),
                                     hn::Set(df, x.scales()[8 * b + group]));
          total = hn::MulAdd(hn::ConvertTo(df, sums), scale, total);
        };
        add(0, ql0, hn::ShiftLeft<4>(qh));
        add(1, ql1, hn::ShiftLeft<2>(qh));
        add(2, hn::ShiftRight<4>(ql0), qh);
        add(3, hn::ShiftRight<4>(ql1), hn::ShiftRight<2>(qh));
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(df, total));
}

#endif  // GGUF_HAVE_DOT

bool HasDotKernels() { return GGUF_HAVE_DOT != 0; }

#if !GGUF_HAVE_DOT
float None(const uint8_t*, size_t, const DotActivations&) { return 0.0f; }
#define GGUF_NO_DOT(type)                                                        \
  float Dot##type(const uint8_t* row, size_t columns, const DotActivations& x) { \
    return None(row, columns, x);                                                \
  }
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

#define GGUF_EXPORT_DOT(type)                                                    \
  HWY_EXPORT(Dot##type);                                                         \
  float Run##type(const uint8_t* row, size_t columns, const DotActivations& x) { \
    return HWY_DYNAMIC_DISPATCH(Dot##type)(row, columns, x);                     \
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

void DotActivations::Assign(const float* values, size_t columns, DotOrder order) {
  values_ = values;
  if (order == DotOrder::kFloat) return;
  const size_t num_groups = columns / 32;
  codes_.resize(columns);
  sums_.resize(num_groups);
  std::vector<float> group_scales(num_groups);
  size_t places[256];
  for (size_t i = 0; i < 256; ++i) places[i] = PlaceOf(order, i);
  for (size_t g = 0; g < num_groups; ++g) {
    const float* x = values + 32 * g;
    float largest = 0.0f;
    for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::abs(x[i]));
    const float scale = largest / 32767.0f;
    const float inverse = largest > 0.0f ? 32767.0f / largest : 0.0f;
    int32_t sum = 0;
    int16_t* codes = codes_.data() + g / 8 * 256;
    for (size_t i = 0; i < 32; ++i) {
      const int32_t code = static_cast<int32_t>(std::lrintf(x[i] * inverse));
      sum += code;
      codes[places[g % 8 * 32 + i]] = static_cast<int16_t>(code);
    }
    group_scales[g] = scale;
    sums_[g] = static_cast<float>(sum) * scale;
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
