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

void EncodeBlocks(const float* rows, size_t num_blocks, BlockNVFP4* blocks) {
  for (size_t g = 0; g < num_blocks * kBlockGroups; ++g) {
    const float* x = rows + g * kGroupValues;
    BlockNVFP4& block = blocks[g / kBlockGroups];
    const size_t s = g % kBlockGroups;
    block.d[s] = UE4M3OfScale(LargestMagnitude(x, kGroupValues) / 6.0f);
    StoreFp4Pairs(x, kGroupValues / 2, UE4M3Half(block.d[s]), block.qs + s * (kGroupValues / 2));
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_NVFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
using Lanes = hn::CappedTag<float, 16>;

// The scales of Lanes(df) groups. False: some magnitudes are too large for comparisons.
HWY_INLINE bool ScalesOf(Lanes df, const float* HWY_RESTRICT x, uint8_t* HWY_RESTRICT scales) {
  const hn::Rebind<uint8_t, Lanes> d8;
  const auto largest = LargestOfRuns<kGroupValues>(df, x);
  const auto scale = UE4M3Lanes(df, hn::Div(largest, hn::Set(df, 6.0f)));
  hn::StoreU(hn::DemoteTo(d8, scale), d8, scales);
  return hn::AllTrue(df, hn::Le(largest, hn::Set(df, kLargestComparableFp4)));
}
#endif

// First all scales of a chunk, then its codes: so many steps of the one and of the other are
// independent that their latencies overlap.
void EncodeNVFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeNVFP4Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  constexpr size_t kChunk = 32;
  const Lanes df;
  const size_t batch = hn::Lanes(df) / kBlockGroups;
  auto* blocks = reinterpret_cast<BlockNVFP4*>(out);
  const size_t num_blocks = num_rows * columns / BlockNVFP4::kValues;
  uint8_t scales[kChunk * kBlockGroups];
  size_t count;
  size_t b = 0;
  for (; b + batch <= num_blocks; b += count) {
    const float* HWY_RESTRICT x = rows + b * BlockNVFP4::kValues;
    count = HWY_MIN(kChunk, (num_blocks - b) / batch * batch);
    bool is_usual = true;
    for (size_t g = 0; g < count * kBlockGroups; g += hn::Lanes(df)) {
      is_usual &= ScalesOf(df, x + g * kGroupValues, scales + g);
    }
    if (HWY_UNLIKELY(!is_usual)) {
      EncodeBlocks(x, count, blocks + b);
      continue;
    }
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(blocks[b + i].d, scales + i * kBlockGroups, kBlockGroups);
      StoreNVFP4Codes(x + i * BlockNVFP4::kValues, scales + i * kBlockGroups, blocks[b + i].qs);
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
