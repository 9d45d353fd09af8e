#include "quantize/encode/nvfp4.h"

#include <cstring>

#include "formats/codec/nvfp4.h"
#include "gguf/base/float16.h"
#include "quantize/encode/fp4.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/nvfp4.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/fp4-inl.h"
#include "quantize/encode/magnitude-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_ONCE
namespace gguf {
namespace {

constexpr size_t kGroupValues = 16;  // under one scale
constexpr size_t kBlockGroups = BlockNVFP4::kValues / kGroupValues;

// Twice the largest value: beyond it NearestFp4 may fall back to lower codes.
constexpr float kComparableLimit = 24.0f * 224.0f;

void StoreCodesOf(const float* x, float half_scale, uint8_t* qs) {
  for (size_t j = 0; j < kGroupValues / 2; ++j) {
    qs[j] = static_cast<uint8_t>(NearestFp4(x[j], half_scale) |
                                 NearestFp4(x[j + kGroupValues / 2], half_scale) << 4);
  }
}

void EncodeBlocks(const float* rows, size_t num_blocks, BlockNVFP4* blocks) {
  for (size_t g = 0; g < num_blocks * kBlockGroups; ++g) {
    const float* x = rows + g * kGroupValues;
    BlockNVFP4& block = blocks[g / kBlockGroups];
    const size_t s = g % kBlockGroups;
    block.d[s] = UE4M3OfScale(LargestMagnitude(x, kGroupValues) / 6.0f);
    StoreCodesOf(x, UE4M3Half(block.d[s]), block.qs + s * (kGroupValues / 2));
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// UE4M3OfScale in every lane.
template <class DF, class VF>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> UE4M3Lanes(DF df, VF v) {
  const hn::RebindToSigned<DF> di;
  const auto bits = hn::BitCast(di, v);
  const auto rounded =
      hn::Sub(hn::ShiftRight<20>(hn::Add(bits, hn::Set(di, 0x00080000))), hn::Set(di, 120 << 3));
  const auto normal =
      hn::IfThenElse(hn::Lt(rounded, hn::Set(di, 0x78)), rounded, hn::Set(di, 0x7E));
  const auto small = hn::Lt(bits, hn::Set(di, 121 << 23));
  // Large lanes would overflow the conversion.
  const auto scaled = hn::Add(hn::Mul(v, hn::Set(df, 512.0f)), hn::Set(df, 0.5f));
  const auto mantissa = hn::ConvertTo(di, hn::Min(scaled, hn::Set(df, 7.0f)));
  return hn::IfThenElse(small, mantissa, normal);
}

// UE4M3Half of 0x00 to 0x7E in every lane.
template <class DF, class VI>
HWY_INLINE hn::Vec<DF> HalfScaleLanes(DF df, VI bits) {
  const hn::RebindToSigned<DF> di;
  const auto subnormal = hn::Mul(hn::ConvertTo(df, bits), hn::Set(df, 0.0009765625f));  // 2^-10
  const auto normal = hn::BitCast(df, hn::Add(hn::ShiftLeft<20>(bits), hn::Set(di, 119 << 23)));
  return hn::IfThenElse(hn::RebindMask(df, hn::Lt(bits, hn::Set(di, 8))), subnormal, normal);
}

#if HWY_TARGET != HWY_SCALAR

// The codes of a block: values j and j + 8 of each group share a byte.
HWY_INLINE void StoreBlockCodes(const float* HWY_RESTRICT x, const float* HWY_RESTRICT factors,
                                uint8_t* HWY_RESTRICT qs) {
  const hn::CappedTag<float, kGroupValues> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Full128<uint32_t> d32;
  const hn::Full128<uint8_t> d8;
  // Lane j: the codes of value j of the four groups.
  HWY_ALIGN uint32_t codes[kGroupValues];
  for (size_t j = 0; j < kGroupValues; j += hn::Lanes(df)) {
    hn::Store(
        NearestFp4OfFour(df, x + j, x + kGroupValues + j, x + 2 * kGroupValues + j,
                         x + 3 * kGroupValues + j, factors[0], factors[1], factors[2], factors[3]),
        du, codes + j);
  }
  const auto pairs0 = hn::Or(hn::Load(d32, codes), hn::ShiftLeft<4>(hn::Load(d32, codes + 8)));
  const auto pairs4 = hn::Or(hn::Load(d32, codes + 4), hn::ShiftLeft<4>(hn::Load(d32, codes + 12)));
  alignas(16) static constexpr uint8_t kTranspose[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                         2, 6, 10, 14, 3, 7, 11, 15};
  const auto transpose = hn::Load(d8, kTranspose);
  const auto first = hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, pairs0), transpose));
  const auto second = hn::BitCast(d32, hn::TableLookupBytes(hn::BitCast(d8, pairs4), transpose));
  hn::StoreU(hn::BitCast(d8, hn::InterleaveLower(d32, first, second)), d8, qs);
  hn::StoreU(hn::BitCast(d8, hn::InterleaveUpper(d32, first, second)), d8, qs + 16);
}

#endif

// The scales of four blocks in one go.
void EncodeNVFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeNVFP4Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  constexpr size_t kBatch = 4;
  constexpr size_t kBatchGroups = kBatch * kBlockGroups;
  const hn::CappedTag<float, kBatchGroups> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<uint8_t, decltype(df)> d8;
  auto* blocks = reinterpret_cast<BlockNVFP4*>(out);
  const size_t num_blocks = num_rows * columns / BlockNVFP4::kValues;
  HWY_ALIGN float amax[kBatchGroups];
  HWY_ALIGN float factors[kBatchGroups];
  HWY_ALIGN uint8_t scales[kBatchGroups];
  size_t b = 0;
  for (; b + kBatch <= num_blocks; b += kBatch) {
    const float* HWY_RESTRICT x = rows + b * BlockNVFP4::kValues;
    for (size_t g = 0; g < kBatchGroups; g += 4) {
      FourLargestMagnitudes<kGroupValues>(df, x + g * kGroupValues, kGroupValues, amax + g);
    }
    bool is_usual = true;
    for (size_t g = 0; g < kBatchGroups; g += hn::Lanes(df)) {
      const auto largest = hn::Load(df, amax + g);
      is_usual &= hn::AllTrue(df, hn::Le(largest, hn::Set(df, kComparableLimit)));
      const auto scale = UE4M3Lanes(df, hn::Div(largest, hn::Set(df, 6.0f)));
      hn::StoreU(hn::DemoteTo(d8, scale), d8, scales + g);
      const auto is_zero = hn::RebindMask(df, hn::Eq(scale, hn::Zero(di)));
      const auto factor = Fp4FactorLanes(df, HalfScaleLanes(df, scale));
      hn::Store(hn::IfThenZeroElse(is_zero, factor), df, factors + g);
    }
    if (HWY_UNLIKELY(!is_usual)) {
      EncodeBlocks(x, kBatch, blocks + b);
      continue;
    }
    for (size_t i = 0; i < kBatch; ++i) {
      std::memcpy(blocks[b + i].d, scales + i * kBlockGroups, kBlockGroups);
      StoreBlockCodes(x + i * BlockNVFP4::kValues, factors + i * kBlockGroups, blocks[b + i].qs);
    }
  }
  EncodeBlocks(rows + b * BlockNVFP4::kValues, num_blocks - b, blocks + b);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeNVFP4Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  EncodeBlocks(rows, num_rows * columns / BlockNVFP4::kValues, reinterpret_cast<BlockNVFP4*>(out));
}

HWY_EXPORT(EncodeNVFP4Impl);

void EncodeNVFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeNVFP4Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
