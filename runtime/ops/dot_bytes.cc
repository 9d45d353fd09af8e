// Codes stand in vectors of 64 in the order of their columns, which is also that of activations.

#include "runtime/ops/dot_bytes.h"

#include <cstring>

#include "formats/codec/iq3_s.h"
#include "formats/codec/q4_0.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q5_k.h"

#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // where bytes are multiplied by one instruction
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/dot_bytes.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "runtime/ops/bytes-inl.h"
#include "runtime/ops/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if GGUF_HAVE_BYTES

using VU8 = hn::Vec<DU8>;

// Sums of 64 codes with the activations from `column` on, under `scales` of each sum.
HWY_INLINE VF AddBytes(VU8 codes, VI32 start, const Q8Activations& x, size_t column, VF scales,
                       VF total) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(x.codes() + column);
  const VI32 sums = MultiplyBytes(codes, hn::LoadU(DU8(), bytes), start);
  const VF both = hn::Mul(scales, hn::LoadU(DF(), x.scales() + column / 4));
  return hn::MulAdd(hn::ConvertTo(DF(), sums), both, total);
}

// What AddBytes starts from when codes are raised by 128 / 2^kShift.
template <int kShift>
HWY_INLINE VI32 Lowered(const Q8Activations& x, size_t column) {
  return hn::ShiftRight<kShift>(hn::LoadU(DI32(), x.raised() + column / 4));
}

// Lanes `first` and `first` + 1 of 16, eight times each.
HWY_INLINE VF TwoScales(VF scales, size_t first) {
  alignas(64) static constexpr int32_t kPlaces[4][16] = {
      {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
      {2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3},
      {4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5},
      {6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7}};
  return hn::TableLookupLanes(scales, hn::SetTableIndices(DF(), kPlaces[first / 2]));
}

// 32 bytes twice.
HWY_INLINE VU8 Twice(const uint8_t* bytes) {
  const auto half = hn::LoadU(hn::Half<DU8>(), bytes);
  return hn::Combine(DU8(), half, half);
}

// Low nibbles of the first 32 of 64 bytes, high ones of the others; kRun = 16: of each 16 of 32.
template <size_t kRun>
HWY_INLINE VU8 Nibbles(VU8 bytes) {
  alignas(64) static constexpr uint16_t kShifts[32] = {0,
                                                       0,
                                                       0,
                                                       0,
                                                       0,
                                                       0,
                                                       0,
                                                       0,
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 16),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4 * (kRun == 32),
                                                       4,
                                                       4,
                                                       4,
                                                       4,
                                                       4,
                                                       4,
                                                       4,
                                                       4};
  const auto words = hn::BitCast(DU16(), bytes);
  return hn::And(hn::BitCast(DU8(), hn::Shr(words, hn::Load(DU16(), kShifts))), hn::Set(DU8(), 15));
}

// Of Q4_K and Q5_K: eight scales, then eight minimums.
template <class Block>
HWY_INLINE VF ScalesAndMinimums(const Block& block) {
  const VF factors = hn::Combine(DF(), hn::Set(hn::Half<DF>(), HalfToFloat(&block.dmin)),
                                 hn::Set(hn::Half<DF>(), HalfToFloat(&block.d)));
  const auto codes = hn::PromoteTo(DI32(), KScaleCodes(block.scales));
  return hn::Mul(hn::ConvertTo(DF(), codes), factors);
}

// The sum of minimums times activations of a block whose first column is `column`.
HWY_INLINE VF AddMinimums(VF scales, const Q8Activations& x, size_t column, VF total) {
  alignas(64) static constexpr int32_t kPlaces[16] = {8,  8,  9,  9,  10, 10, 11, 11,
                                                      12, 12, 13, 13, 14, 14, 15, 15};
  const VF minimums = hn::TableLookupLanes(scales, hn::SetTableIndices(DF(), kPlaces));
  return hn::MulAdd(minimums, hn::LoadU(DF(), x.sums() + column / 16), total);
}

// Codes 64 i to 64 i + 63.
HWY_INLINE VU8 CodesAt(const BlockQ4_K& block, size_t i) {
  return Nibbles<32>(Twice(block.qs + 32 * i));
}

HWY_INLINE VU8 CodesAt(const BlockQ5_K& block, size_t i) {
  const hn::Half<DU8> half;
  const VU8 bit = hn::Combine(DU8(), hn::Set(half, 2 << 2 * i), hn::Set(half, 1 << 2 * i));
  const VU8 fifth = hn::IfThenElseZero(hn::TestBit(Twice(block.qh), bit), hn::Set(DU8(), 16));
  return hn::Or(Nibbles<32>(Twice(block.qs + 32 * i)), fifth);
}

template <class Block>
HWY_INLINE float RowWithMinimums(const uint8_t* row, size_t columns, const Q8Activations& x) {
  const auto* block = reinterpret_cast<const Block*>(row);
  VF total[2] = {hn::Zero(DF()), hn::Zero(DF())}, minimums = hn::Zero(DF());
  for (size_t column = 0; column < columns; column += 256, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    const VF scales = ScalesAndMinimums(*block);
    minimums = AddMinimums(scales, x, column, minimums);
    GGUF_UNROLL
    for (size_t i = 0; i < 4; ++i) {
      total[i % 2] = AddBytes(CodesAt(*block, i), hn::Zero(DI32()), x, column + 64 * i,
                              TwoScales(scales, 2 * i), total[i % 2]);
    }
  }
  return SumOf(hn::Sub(hn::Add(total[0], total[1]), minimums));
}

float RowQ4_K(const uint8_t* row, size_t columns, const Q8Activations& x) {
  return RowWithMinimums<BlockQ4_K>(row, columns, x);
}

float RowQ5_K(const uint8_t* row, size_t columns, const Q8Activations& x) {
  return RowWithMinimums<BlockQ5_K>(row, columns, x);
}

// Two blocks at a time; of the last of an odd number the second is zero.
float RowQ4_0(const uint8_t* row, size_t columns, const Q8Activations& x) {
  static constexpr BlockQ4_0 kZero = {};
  const auto* block = reinterpret_cast<const BlockQ4_0*>(row);
  const hn::Half<DF> half;
  VF total = hn::Zero(DF());
  for (size_t column = 0; column < columns; column += 64, block += 2) {
    PrefetchAhead<2 * sizeof(*block)>(block);
    const BlockQ4_0* second = column + 32 < columns ? block + 1 : &kZero;
    const auto twice = [](const uint8_t* bytes) HWY_ATTR {
      const auto codes = hn::LoadU(DU8x16(), bytes);
      return hn::Combine(hn::Half<DU8>(), codes, codes);
    };
    const VU8 bytes = hn::Combine(DU8(), twice(second->qs), twice(block->qs));
    const VF scales = hn::Combine(DF(), hn::Set(half, HalfToFloat(&second->d)),
                                  hn::Set(half, HalfToFloat(&block->d)));
    total = AddBytes(Nibbles<16>(bytes), Lowered<4>(x, column), x, column, scales, total);
  }
  return SumOf(total);
}

float RowIQ3_S(const uint8_t* row, size_t columns, const Q8Activations& x) {
  const auto* block = reinterpret_cast<const BlockIQ3_S*>(row);
  const VU8 raise = hn::Set(DU8(), 0x80);
  VF total[2] = {hn::Zero(DF()), hn::Zero(DF())};
  for (size_t column = 0; column < columns; column += 256, ++block) {
    PrefetchAhead<sizeof(*block)>(block);
    uint32_t nibbles;
    std::memcpy(&nibbles, block->scales, sizeof(nibbles));
    uint64_t scale_codes = 0;
    for (size_t g = 0; g < 8; ++g) scale_codes |= uint64_t{nibbles >> (4 * g) & 15} << (8 * g);
    const auto odd = hn::BitCast(
        DI8x16(), hn::Set(hn::FixedTag<uint64_t, 2>(), 2 * scale_codes | 0x0101010101010101));
    const VF scales = hn::Mul(hn::ConvertTo(DF(), hn::PromoteTo(DI32(), odd)),
                              hn::Set(DF(), HalfToFloat(&block->d)));
    GGUF_UNROLL
    for (size_t i = 0; i < 4; ++i) {
      const VU8 grid = GatherRuns(kIq3s, block->qs + 16 * i, block->qh + 2 * i);
      const auto is_negative = hn::LoadMaskBits(DU8(), block->signs + 8 * i);
      const auto codes =
          hn::Xor(hn::IfThenElse(is_negative, hn::Sub(hn::Zero(DU8()), grid), grid), raise);
      total[i % 2] = AddBytes(codes, Lowered<0>(x, column + 64 * i), x, column + 64 * i,
                              TwoScales(scales, 2 * i), total[i % 2]);
    }
  }
  return SumOf(hn::Add(total[0], total[1]));
}

#else

float RowQ4_K(const uint8_t*, size_t, const Q8Activations&) { return 0.0f; }
float RowQ5_K(const uint8_t*, size_t, const Q8Activations&) { return 0.0f; }
float RowQ4_0(const uint8_t*, size_t, const Q8Activations&) { return 0.0f; }
float RowIQ3_S(const uint8_t*, size_t, const Q8Activations&) { return 0.0f; }

#endif  // GGUF_HAVE_BYTES

bool HasBytes() { return GGUF_HAVE_BYTES != 0; }

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

HWY_EXPORT(HasBytes);
HWY_EXPORT(RowQ4_0);
HWY_EXPORT(RowQ4_K);
HWY_EXPORT(RowQ5_K);
HWY_EXPORT(RowIQ3_S);

}  // namespace

BytesDot FindBytesDot(TensorType type) {
  if (!HWY_DYNAMIC_DISPATCH(HasBytes)()) return nullptr;
  struct Kernel {
    TensorType type;
    BytesDot dot;
  };
  const Kernel kernels[] = {{TensorType::kQ4_0, HWY_DYNAMIC_DISPATCH(RowQ4_0)},
                            {TensorType::kQ4_K, HWY_DYNAMIC_DISPATCH(RowQ4_K)},
                            {TensorType::kQ5_K, HWY_DYNAMIC_DISPATCH(RowQ5_K)},
                            {TensorType::kIQ3_S, HWY_DYNAMIC_DISPATCH(RowIQ3_S)}};
  for (const Kernel& kernel : kernels) {
    if (kernel.type == type) return kernel.dot;
  }
  return nullptr;
}

}  // namespace gguf
#endif  // HWY_ONCE
