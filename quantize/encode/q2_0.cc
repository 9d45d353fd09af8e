#include "quantize/encode/q2_0.h"

#include <cstring>

#include "formats/codec/q2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q2_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/magnitude-inl.h"
#include "quantize/encode/ternary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// First the scales of a chunk, then its codes, so that the latencies of many blocks overlap.
void EncodeQ2_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                    const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeQ2_0Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  constexpr size_t kValues = BlockQ2_0::kValues;
  constexpr size_t kChunk = 32;
  const hn::CappedTag<float, 16> df;
  auto* blocks = reinterpret_cast<BlockQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  float scales[kChunk];
  float inverses[kChunk];
  for (size_t b = 0; b < num_blocks; b += kChunk) {
    const size_t count = HWY_MIN(kChunk, num_blocks - b);
    const float* HWY_RESTRICT x = rows + b * kValues;
    for (size_t i = 0; i < count; ++i) {
      scales[i] = LargestMagnitudeOf<kValues>(df, x + i * kValues);
      inverses[i] = InverseOrZero(scales[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      BlockQ2_0& block = blocks[b + i];
      block.d = F32ToF16(scales[i]);
      StoreQ2_0Codes<false>(x + i * kValues, inverses[i], block.qs);
      if (HWY_UNLIKELY(scales[i] > 0.0f && inverses[i] == 0.0f)) {
        std::memset(block.qs, 0, sizeof(block.qs));
      }
    }
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ2_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockQ2_0::kValues;
    const float d = LargestMagnitude(x, BlockQ2_0::kValues);
    const float inverse = InverseOrZero(d);
    blocks[b].d = F32ToF16(d);
    StoreQ2_0(x, inverse, blocks[b].qs);
    if (d > 0.0f && inverse == 0.0f) std::memset(blocks[b].qs, 0, sizeof(blocks[b].qs));
  }
}

HWY_EXPORT(EncodeQ2_0Impl);

void EncodeQ2_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ2_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
