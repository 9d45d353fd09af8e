#include "quantize/encode/nvfp4.h"

#include <limits>

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

// UE4M3Half of 0x01 to 0x7E in every lane, infinity for 0.
template <class DF, class VI>
HWY_INLINE hn::Vec<DF> HalfScaleLanes(DF df, VI bits) {
  const hn::RebindToSigned<DF> di;
  const auto subnormal = hn::Mul(hn::ConvertTo(df, bits), hn::Set(df, 0.0009765625f));  // 2^-10
  const auto normal = hn::BitCast(df, hn::Add(hn::ShiftLeft<20>(bits), hn::Set(di, 119 << 23)));
  const auto half =
      hn::IfThenElse(hn::RebindMask(df, hn::Lt(bits, hn::Set(di, 8))), subnormal, normal);
  const auto is_zero = hn::RebindMask(df, hn::Eq(bits, hn::Zero(di)));
  return hn::IfThenElse(is_zero, hn::Set(df, std::numeric_limits<float>::infinity()), half);
}

// The codes of one group.
HWY_INLINE void StoreGroup(const float* HWY_RESTRICT x, float half_scale,
                           uint8_t* HWY_RESTRICT qs) {
  const hn::CappedTag<float, kGroupValues / 2> df;
  for (size_t j = 0; j < kGroupValues / 2; j += hn::Lanes(df)) {
    StoreFp4Pairs(df, hn::LoadU(df, x + j), hn::LoadU(df, x + kGroupValues / 2 + j),
                  hn::Set(df, half_scale), qs + j);
  }
}

// The scales of four blocks in one go.
void EncodeNVFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                     uint8_t* HWY_RESTRICT out) {
  constexpr size_t kBatch = 16;
  const hn::CappedTag<float, kBatch> df;
  const hn::RebindToSigned<decltype(df)> di;
  auto* blocks = reinterpret_cast<BlockNVFP4*>(out);
  const size_t num_groups = num_rows * columns / kGroupValues;
  HWY_ALIGN float amax[kBatch] = {};
  HWY_ALIGN float half_scales[kBatch];
  HWY_ALIGN int32_t scales[kBatch];
  for (size_t first = 0; first < num_groups; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_groups - first);
    const float* HWY_RESTRICT x = rows + first * kGroupValues;
    for (size_t g = 0; g < count; ++g) {
      amax[g] = LargestMagnitudeOf<kGroupValues>(df, x + g * kGroupValues);
    }
    for (size_t g = 0; g < count; g += hn::Lanes(df)) {
      const auto scale = UE4M3Lanes(df, hn::Div(hn::Load(df, amax + g), hn::Set(df, 6.0f)));
      hn::Store(scale, di, scales + g);
      hn::Store(HalfScaleLanes(df, scale), df, half_scales + g);
    }
    for (size_t g = 0; g < count; ++g) {
      BlockNVFP4& block = blocks[(first + g) / kBlockGroups];
      const size_t s = g % kBlockGroups;
      block.d[s] = static_cast<uint8_t>(scales[g]);
      uint8_t* HWY_RESTRICT qs = block.qs + s * (kGroupValues / 2);
      if (HWY_UNLIKELY(amax[g] > kComparableLimit)) {
        StoreCodesOf(x + g * kGroupValues, half_scales[g], qs);
      } else {
        StoreGroup(x + g * kGroupValues, half_scales[g], qs);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeNVFP4Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockNVFP4*>(out);
  const size_t num_groups = num_rows * columns / kGroupValues;
  for (size_t g = 0; g < num_groups; ++g) {
    const float* x = rows + g * kGroupValues;
    BlockNVFP4& block = blocks[g / kBlockGroups];
    const size_t s = g % kBlockGroups;
    block.d[s] = UE4M3OfScale(LargestMagnitude(x, kGroupValues) / 6.0f);
    StoreCodesOf(x, UE4M3Half(block.d[s]), block.qs + s * (kGroupValues / 2));
  }
}

HWY_EXPORT(EncodeNVFP4Impl);

void EncodeNVFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeNVFP4Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
