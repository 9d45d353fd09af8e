// A block becomes, in turn, 256 bits of signs, 16 integer scales, and vectors of grid values loaded
// run by run straight into them; signs are applied to those under a mask.

#include "runtime/ops/dot_grid.h"

#include <cstring>

#include "formats/codec/iq2_s.h"
#include "formats/codec/iq2_xs.h"
#include "formats/codec/iq2_xxs.h"
#include "formats/codec/iq3_s.h"
#include "formats/codec/iq3_xxs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/dot_grid.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "runtime/ops/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if GGUF_HAVE_DOT

using DI8 = hn::RebindToSigned<DU8>;
using VI8 = hn::Vec<DI8>;

// Bytes of signs of a block. Masks are read 8 bytes at a time, so some more follow.
inline constexpr size_t kSignBytes = 32, kPaddedSignBytes = kSignBytes + 8;

// `count` runs of a grid, from run `first` on, side by side; `run(i)` points to run i's bytes.
template <class T, size_t kCount, class Run>
HWY_INLINE hn::Vec<hn::FixedTag<T, kCount>> LoadRuns(const Run& run, size_t first) {
  const hn::FixedTag<T, kCount> d;
  if constexpr (kCount == 1) {
    return hn::LoadU(d, reinterpret_cast<const T*>(run(first)));
  } else {
    return hn::Combine(d, LoadRuns<T, kCount / 2>(run, first + kCount / 2),
                       LoadRuns<T, kCount / 2>(run, first));
  }
}

// A vector of grid values, from value `first` of the block on, in runs of 8 or of 4.
template <class Run>
HWY_INLINE VI8 RunsOf8(const Run& run, size_t first) {
  return hn::BitCast(DI8(), LoadRuns<uint64_t, kN / 2>(run, first / 8));
}
template <class Run>
HWY_INLINE VI8 RunsOf4(const Run& run, size_t first) {
  return hn::BitCast(DI8(), LoadRuns<uint32_t, kN>(run, first / 4));
}

// Indices in Ksigns to their signs: bit 7 makes the number of set bits even.
template <class D>
HWY_INLINE hn::Vec<D> SignsOfIndices(D d, hn::Vec<D> indices) {
  const hn::Repartition<uint16_t, D> d16;
  const auto words = hn::BitCast(d16, indices);
  auto parity = hn::Xor(words, hn::ShiftRight<4>(words));
  parity = hn::Xor(parity, hn::ShiftRight<2>(parity));
  parity = hn::Xor(parity, hn::ShiftRight<1>(parity));
  const auto bit = hn::And(hn::ShiftLeft<7>(parity), hn::Set(d16, 0x8080));
  return hn::BitCast(d, hn::Or(words, bit));
}

// Of eight words the low 28 bits, four indices each, to signs.
HWY_INLINE void SignsOfWords(const void* words, size_t stride, uint8_t* signs) {
  const hn::FixedTag<uint8_t, 16> d;
  HWY_ALIGN uint32_t indices[8];
  for (size_t g = 0; g < 8; ++g) {
    uint32_t word;
    std::memcpy(&word, static_cast<const uint8_t*>(words) + stride * g, sizeof(word));
    indices[g] =
        (word & 0x7F) | (word << 1 & 0x7F00) | (word << 2 & 0x7F0000) | (word << 3 & 0x7F000000);
  }
  for (size_t i = 0; i < kSignBytes; i += 16) {
    const auto bytes = hn::Load(d, reinterpret_cast<const uint8_t*>(indices) + i);
    hn::Store(SignsOfIndices(d, bytes), d, signs + i);
  }
}

// 2 * code + 1 for eight bytes of nibbles, low nibble first.
HWY_INLINE hn::Vec<DI8x16> ScalesOfNibbles(const uint8_t* nibbles) {
  const hn::FixedTag<uint64_t, 2> d64;
  const DU8x16 d8;
  uint64_t bytes;
  std::memcpy(&bytes, nibbles, sizeof(bytes));
  const auto low = hn::BitCast(d8, hn::Set(d64, bytes & 0x0F0F0F0F0F0F0F0F));
  const auto high = hn::BitCast(d8, hn::Set(d64, (bytes >> 4) & 0x0F0F0F0F0F0F0F0F));
  const auto codes = hn::InterleaveLower(low, high);
  return hn::BitCast(DI8x16(), hn::Or(hn::Add(codes, codes), hn::Set(d8, 1)));
}

// As above of eight codes for two groups of 16 each.
HWY_INLINE hn::Vec<DI8x16> ScalesOfCodes(uint64_t codes) {
  const DU8x16 d8;
  auto bytes = hn::BitCast(d8, hn::Set(hn::FixedTag<uint64_t, 2>(), codes));
  bytes = hn::InterleaveLower(bytes, bytes);
  return hn::BitCast(DI8x16(), hn::Or(hn::Add(bytes, bytes), hn::Set(d8, 1)));
}

// The top four bits of eight words, as bytes.
HWY_INLINE uint64_t TopNibbles(const void* words, size_t stride) {
  uint64_t codes = 0;
  for (size_t g = 0; g < 8; ++g) {
    codes |= uint64_t{static_cast<const uint8_t*>(words)[stride * g + 3]} >> 4 << (8 * g);
  }
  return codes;
}

// Of each type: its signs, the odd integers that are its scales per 16 values, what they are
// multiplied by besides `d`, and its grid values.
struct GridIQ2_XXS {
  using Block = BlockIQ2_XXS;
  static constexpr float kFactor = 0.125f;
  static HWY_INLINE void GetSigns(const Block& block, uint8_t* signs) {
    SignsOfWords(&block.qs[0].signs_and_scale, sizeof(block.qs[0]), signs);
  }
  static HWY_INLINE hn::Vec<DI8x16> Scales(const Block& block) {
    return ScalesOfCodes(TopNibbles(&block.qs[0].signs_and_scale, sizeof(block.qs[0])));
  }
  static HWY_INLINE VI8 Values(const Block& block, size_t first) {
    return RunsOf8([&block](size_t k) HWY_ATTR { return kIq2xxs[block.qs[k / 4].index[k % 4]]; },
                   first);
  }
};

struct GridIQ2_XS {
  using Block = BlockIQ2_XS;
  static constexpr float kFactor = 0.125f;
  static HWY_INLINE void GetSigns(const Block& block, uint8_t* signs) {
    const DU16 d16;
    const hn::Rebind<uint8_t, DU16> d8;
    const auto* words = reinterpret_cast<const uint16_t*>(&block) + 1;
    for (size_t i = 0; i < 32; i += 2 * kN) {
      const auto high = hn::ShiftRight<9>(hn::LoadU(d16, words + i));
      const auto bytes = hn::DemoteTo(d8, hn::BitCast(DI16(), high));
      hn::StoreU(SignsOfIndices(d8, bytes), d8, signs + i);
    }
  }
  static HWY_INLINE hn::Vec<DI8x16> Scales(const Block& block) {
    return ScalesOfNibbles(block.scales);
  }
  static HWY_INLINE VI8 Values(const Block& block, size_t first) {
    return RunsOf8([&block](size_t k) HWY_ATTR { return kIq2xs[block.qs[k] & 511]; }, first);
  }
};

struct GridIQ2_S {
  using Block = BlockIQ2_S;
  static constexpr float kFactor = 0.125f;
  static HWY_INLINE void GetSigns(const Block& block, uint8_t* signs) {
    std::memcpy(signs, block.signs, kSignBytes);
  }
  static HWY_INLINE hn::Vec<DI8x16> Scales(const Block& block) {
    return ScalesOfNibbles(block.scales);
  }
  static HWY_INLINE VI8 Values(const Block& block, size_t first) {
    return RunsOf8(
        [&block](size_t k)
            HWY_ATTR { return kIq2s[block.qs[k] | (block.qh[k / 4] >> (k % 4 * 2) & 3) << 8]; },
        first);
  }
};

struct GridIQ3_XXS {
  using Block = BlockIQ3_XXS;
  static constexpr float kFactor = 0.25f;
  static HWY_INLINE void GetSigns(const Block& block, uint8_t* signs) {
    SignsOfWords(block.signs_and_scale, 4, signs);
  }
  static HWY_INLINE hn::Vec<DI8x16> Scales(const Block& block) {
    return ScalesOfCodes(TopNibbles(block.signs_and_scale, 4));
  }
  template <size_t kLanes = kN>
  static HWY_INLINE VI8 Values(const Block& block, size_t first) {
    if constexpr (kLanes == 16) {
      return hn::BitCast(DI8(), GatherRuns<kLanes>(kIq3xxs, block.qs + first / 4, nullptr));
    }
    return RunsOf4([&block](size_t k) HWY_ATTR { return kIq3xxs[block.qs[k]]; }, first);
  }
};

struct GridIQ3_S {
  using Block = BlockIQ3_S;
  static constexpr float kFactor = 1.0f;
  static HWY_INLINE void GetSigns(const Block& block, uint8_t* signs) {
    std::memcpy(signs, block.signs, kSignBytes);
  }
  static HWY_INLINE hn::Vec<DI8x16> Scales(const Block& block) {
    uint32_t bytes;
    std::memcpy(&bytes, block.scales, sizeof(bytes));
    uint64_t codes = 0;
    for (size_t g = 0; g < 8; ++g) codes |= uint64_t{bytes >> (4 * g) & 15} << (8 * g);
    return ScalesOfCodes(codes);
  }
  template <size_t kLanes = kN>
  static HWY_INLINE VI8 Values(const Block& block, size_t first) {
    if constexpr (kLanes == 16) {
      return hn::BitCast(DI8(),
                         GatherRuns<kLanes>(kIq3s, block.qs + first / 4, block.qh + first / 32));
    }
    return RunsOf4(
        [&block](size_t k)
            HWY_ATTR { return kIq3s[block.qs[k] | (block.qh[k / 8] >> (k % 8) & 1) << 8]; },
        first);
  }
};

// Of scales [16] those for the 32-bit sums of vector i of grid values: each four times.
template <size_t kLanes = kN>
HWY_INLINE VF ScalesAt(const float* scales, size_t i) {
  if constexpr (kLanes == 4) {
    return hn::Set(DF(), scales[i]);
  } else {
    alignas(64) static constexpr int32_t kPlaces[16] = {0, 0, 0, 0, 1, 1, 1, 1,
                                                        2, 2, 2, 2, 3, 3, 3, 3};
    const auto places = hn::SetTableIndices(DF(), kPlaces + i * kLanes % 16);
    return hn::TableLookupLanes(hn::LoadDup128(DF(), scales + i * kLanes / 16 * 4), places);
  }
}

// The activations of a block: words, how far apart their parts are, and scales.
struct BlockInput {
  const int16_t* codes;
  size_t stride;
  const float* scales;
};

// total += the vector of values from `first` on of a block times their activations.
template <class Grid, int kParts>
HWY_INLINE void AddValues(const typename Grid::Block& block, size_t first, const uint8_t* signs,
                          const float* scales, const BlockInput& x, Totals<kParts>& total) {
  const VI8 grid = Grid::Values(block, first);
  const auto is_negative = hn::LoadMaskBits(DI8(), signs + first / 8);
  const VI16 values = hn::BitCast(DI16(), hn::IfThenElse(is_negative, hn::Neg(grid), grid));
  const size_t at = first / 64 * 64 + first % 64 / 2;  // of the even words in their piece
  Sums<kParts> sums;
  MulPairs(EvenBytes(values), x.codes + at, x.stride, sums);
  MulPairs(OddBytes(values), x.codes + at + 32, x.stride, sums);
  const VF x_scale = hn::LoadU(DF(), x.scales + first / 4);
  AddScaled(sums, hn::Mul(ScalesAt(scales, first / (4 * kN)), x_scale), total);
}

template <class Grid, int kParts>
HWY_INLINE float DotGrid(const uint8_t* row, size_t columns, const DotActivations& x) {
  const auto* block = reinterpret_cast<const typename Grid::Block*>(row);
  Totals<kParts> total[2];
  HWY_ALIGN uint8_t signs[kPaddedSignBytes];
  HWY_ALIGN float scales[16];
  for (size_t b = 0; b < columns / 256; ++b, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    Grid::GetSigns(*block, signs);
    ScaledCodes(Grid::Scales(*block), HalfToFloat(&block->d) * Grid::kFactor, scales);
    const BlockInput input = {x.codes() + 256 * b, columns, x.scales() + 64 * b};
    for (size_t i = 0; i < 256; i += 8 * kN) {
      AddValues<Grid>(*block, i, signs, scales, input, total[0]);
      AddValues<Grid>(*block, i + 4 * kN, signs, scales, input, total[1]);
    }
  }
  return SumOf(total[0]) + SumOf(total[1]);
}

#define GGUF_DEFINE_DOT(type)                                                             \
  void RowsDot##type(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, \
                     const DotActivations& x, float* out) {                               \
    for (size_t r = 0; r < count; ++r, rows += row_bytes) {                               \
      out[r] = x.num_parts() == 2 ? DotGrid<Grid##type, 2>(rows, columns, x)              \
                                  : DotGrid<Grid##type, 1>(rows, columns, x);             \
    }                                                                                     \
  }

#else

#define GGUF_DEFINE_DOT(type) \
  void RowsDot##type(const uint8_t*, size_t, size_t, size_t, const DotActivations&, float*) {}

#endif  // GGUF_HAVE_DOT

GGUF_DEFINE_DOT(IQ2_XXS)
GGUF_DEFINE_DOT(IQ2_XS)
GGUF_DEFINE_DOT(IQ2_S)
GGUF_DEFINE_DOT(IQ3_XXS)
GGUF_DEFINE_DOT(IQ3_S)
#undef GGUF_DEFINE_DOT

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

#define GGUF_EXPORT_DOT(type)                                                         \
  HWY_EXPORT(RowsDot##type);                                                          \
  void Dot##type(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, \
                 const DotActivations& x, float* out) {                               \
    HWY_DYNAMIC_DISPATCH(RowsDot##type)(rows, row_bytes, count, columns, x, out);     \
  }
GGUF_EXPORT_DOT(IQ2_XXS)
GGUF_EXPORT_DOT(IQ2_XS)
GGUF_EXPORT_DOT(IQ2_S)
GGUF_EXPORT_DOT(IQ3_XXS)
GGUF_EXPORT_DOT(IQ3_S)
#undef GGUF_EXPORT_DOT

}  // namespace gguf
#endif  // HWY_ONCE
