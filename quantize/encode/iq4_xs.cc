#include "quantize/encode/iq4_xs.h"

#include "formats/codec/iq4_xs.h"
#include "quantize/encode/iq4_xs_scales.h"
#include "quantize/encode/level_search.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq4_xs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/level_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ4_XS::kValues;
constexpr size_t kGroups = kIQ4_XSGroups;
constexpr float kSigmaFactor = 2.0f / static_cast<float>(kValues);

// Stores the block scale and the 6-bit scales; the inverses of their products are for the codes.
void StoreScales(const float* scales, BlockIQ4_XS& block, float* inverses) {
  int32_t codes[kGroups];
  const float d = ReferenceIQ4_XSScales(scales, codes);
  StoreIQ4_XSScales(d, codes, block);
  for (size_t g = 0; g < kGroups; ++g) {
    const float product = d * static_cast<float>(codes[g]);
    inverses[g] = product != 0.0f ? 1.0f / product : 0.0f;
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ4_XS_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The scales of num_blocks * kGroups groups from block `first` on.
HWY_INLINE void SearchGroups(LaneTag df, const float* HWY_RESTRICT rows, size_t columns,
                             const float* HWY_RESTRICT weights, size_t first, size_t num_blocks,
                             const float* HWY_RESTRICT sums, float* HWY_RESTRICT scales) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float x[kLevelValues * kMaxLanes];
  HWY_ALIGN float w[kLevelValues * kMaxLanes];
  HWY_ALIGN float sigma2[kMaxLanes];
  for (size_t g = 0; g < num_blocks * kGroups; g += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks * kGroups - g);
    LoadLevelBlocks(df, rows, columns, weights, first * kGroups + g, count, x, w);
    for (size_t b = 0; b < lanes; ++b) {
      sigma2[b] = sums[(g + HWY_MIN(b, count - 1)) / kGroups] * kSigmaFactor;
    }
    LevelWeightsLanes(df, x, weights != nullptr, hn::LoadU(df, sigma2), w);
    hn::StoreU(SearchLevelsLanes(df, x, w), df, scales + g);
  }
}

void EncodeIQ4_XSImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                      const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  constexpr size_t kBatch = 8;  // the number of sums that hide each other's latency
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float sums[kBatch] = {};
  HWY_ALIGN float scales[kBatch * kGroups + kMaxLanes];
  float inverses[kGroups];
  for (size_t first = 0; first < num_blocks; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_blocks - first);
    if (weights != nullptr)
      SumsOfSquares(df, rows + first * kValues, kValues, count, kValues, sums);
    SearchGroups(df, rows, columns, weights, first, count, sums, scales);
    for (size_t n = 0; n < count; ++n) {
      BlockIQ4_XS& block = blocks[first + n];
      StoreScales(scales + n * kGroups, block, inverses);
      const float* HWY_RESTRICT x = rows + (first + n) * kValues;
      for (size_t g = 0; g < kGroups; ++g) {
        PackLevelsFast(df, x + g * kLevelValues, inverses[g], block.qs + g * kLevelValues / 2);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ4_XSReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    const float sigma2 = SumOfSquares(x, kValues) * kSigmaFactor;
    float scales[kGroups];
    for (size_t g = 0; g < kGroups; ++g) {
      const size_t first = g * kLevelValues;
      float w[kLevelValues];
      LevelWeights(x + first, importance != nullptr ? importance + first : nullptr, sigma2, w);
      scales[g] = SearchLevels(x + first, w);
    }
    float inverses[kGroups];
    StoreScales(scales, blocks[n], inverses);
    for (size_t g = 0; g < kGroups; ++g) {
      PackLevels(x + g * kLevelValues, inverses[g], blocks[n].qs + g * kLevelValues / 2);
    }
  }
}

HWY_EXPORT(EncodeIQ4_XSImpl);

void EncodeIQ4_XS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                  uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ4_XSImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
