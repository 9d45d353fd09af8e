#include "quantize/encode/iq1_s.h"

#include <algorithm>
#include <cstring>

#include "formats/codec/iq1_s.h"
#include "gguf/base/float16.h"
#include "quantize/encode/iq1_search.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq1_s.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/iq1_sub_blocks-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockIQ1_S::kValues;
constexpr size_t kSubBlocks = 8;
constexpr size_t kSubValues = 32;

// Zero bytes when all scales are 0.
void PackBlock(const Iq1SubBlock* subs, BlockIQ1_S& block) {
  std::memset(&block, 0, sizeof(block));
  float largest = 0.0f;
  for (size_t b = 0; b < kSubBlocks; ++b) largest = std::max(largest, subs[b].scale);
  if (largest == 0.0f) return;
  const float d = largest / 15.0f;
  const float inverse = 1.0f / d;
  block.d = F32ToF16(d * 1.125f);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    uint32_t word = Iq1ScaleCode(inverse, subs[b].scale) << 12 | subs[b].shifts << 15;
    for (size_t r = 0; r < 4; ++r) {
      block.qs[4 * b + r] = static_cast<uint8_t>(subs[b].rows[r]);
      word |= (subs[b].rows[r] >> 8) << (3 * r);
    }
    block.qh[b] = static_cast<uint16_t>(word);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_IQ1_S_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeIQ1_SImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  constexpr size_t kBatch = 8;  // the number of sums that hide each other's latency
  const Iq1Grid& grid = Iq1Grid::Get();
  auto* blocks = reinterpret_cast<BlockIQ1_S*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float sums[kBatch];
  HWY_ALIGN float w[kBatch * kValues];
  Iq1SubBlock subs[kBatch * kSubBlocks];
  for (size_t first = 0; first < num_blocks; first += kBatch) {
    const size_t count = HWY_MIN(kBatch, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kValues;
    SumsOfSquares(df, x, kValues, count, kValues, sums);
    for (size_t n = 0; n < count; ++n) {
      Iq1Weights(df, x + n * kValues, weights + (first + n) * kValues % columns, sums[n],
                 w + n * kValues);
    }
    for (size_t b = 0; b < count * kSubBlocks; b += lanes) {
      EncodeSubBlocks<kSubValues>(df, grid, x + b * kSubValues, w + b * kSubValues,
                                  HWY_MIN(lanes, count * kSubBlocks - b), subs + b);
    }
    for (size_t n = 0; n < count; ++n) PackBlock(subs + n * kSubBlocks, blocks[first + n]);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ1_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockIQ1_S*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights + n * kValues % columns;
    const float sigma2 = 2.0f * SumOfSquares(x, kValues) / kValues;
    Iq1SubBlock subs[kSubBlocks];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      float w[kSubValues];
      for (size_t i = 0; i < kSubValues; ++i) {
        const size_t k = b * kSubValues + i;
        w[i] = ImportanceWeight(importance[k], sigma2, x[k]);
      }
      subs[b] = EncodeIq1_SSubBlock(x + b * kSubValues, w);
    }
    PackBlock(subs, blocks[n]);
  }
}

HWY_EXPORT(EncodeIQ1_SImpl);

void EncodeIQ1_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ1_SImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
