#include "quantize/encode/tq2_0.h"

#include "formats/codec/tq2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/tq2_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/magnitude-inl.h"
#include "quantize/encode/ternary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// First the scales of a chunk, then its codes, so that the latencies of many blocks overlap.
void EncodeTQ2_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                     uint8_t* HWY_RESTRICT out) {
  constexpr size_t kValues = BlockTQ2_0::kValues;
  constexpr size_t kChunk = 8;
  const hn::CappedTag<float, 16> df;
  auto* blocks = reinterpret_cast<BlockTQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  float inverses[kChunk];
  for (size_t b = 0; b < num_blocks; b += kChunk) {
    const size_t count = HWY_MIN(kChunk, num_blocks - b);
    const float* HWY_RESTRICT x = rows + b * kValues;
    for (size_t i = 0; i < count; ++i) {
      const float d = LargestMagnitudeOf<kValues>(df, x + i * kValues);
      blocks[b + i].d = F32ToF16(d);
      inverses[i] = InverseOrZero(d);
    }
    for (size_t i = 0; i < count; ++i) {
      BlockTQ2_0& block = blocks[b + i];
      StoreTQ2_0Codes(x + i * kValues, inverses[i], block.qs);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeTQ2_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockTQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockTQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockTQ2_0::kValues;
    const float d = LargestMagnitude(x, BlockTQ2_0::kValues);
    StoreTQ2_0(x, InverseOrZero(d), blocks[b].qs);
    blocks[b].d = F32ToF16(d);
  }
}

HWY_EXPORT(EncodeTQ2_0Impl);

void EncodeTQ2_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeTQ2_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
