#include "quantize/encode/mxfp4.h"

#include <cmath>

#include "formats/codec/mxfp4.h"
#include "gguf/base/float16.h"
#include "quantize/encode/fp4.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/mxfp4.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/fp4-inl.h"
#include "quantize/encode/magnitude-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockMXFP4::kValues;

void EncodeBlocks(const float* rows, size_t num_blocks, BlockMXFP4* blocks) {
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    blocks[b].e = E8M0OfLargest(LargestMagnitude(x, kValues));
    StoreFp4Pairs(x, kValues / 2, E8M0Half(blocks[b].e), blocks[b].qs);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeMXFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeMXFP4Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  constexpr size_t kBatch = 4;
  const hn::CappedTag<float, 16> df;
  auto* blocks = reinterpret_cast<BlockMXFP4*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  size_t b = 0;
  for (; b + kBatch <= num_blocks; b += kBatch) {
    const float* HWY_RESTRICT x = rows + b * kValues;
    float amax[kBatch];
    float factors[kBatch];
    bool is_usual = true;
    FourLargestMagnitudes<kValues>(df, x, kValues, amax);
    for (size_t i = 0; i < kBatch; ++i) {
      const uint8_t e = E8M0OfLargest(amax[i]);
      blocks[b + i].e = e;
      is_usual &= (e >= kLeastUsualE8M0 && e <= kLargestUsualE8M0) || amax[i] == 0.0f;
      factors[i] = amax[i] == 0.0f ? 0.0f : Fp4FactorOfE8M0(e);
    }
    if (HWY_UNLIKELY(!is_usual)) {
      EncodeBlocks(x, kBatch, blocks + b);
      continue;
    }
    for (size_t i = 0; i < kBatch; i += 2) {
      StoreMXFP4Codes(x + i * kValues, x + (i + 1) * kValues, factors[i], factors[i + 1],
                      blocks[b + i].qs, blocks[b + i + 1].qs);
    }
  }
  EncodeBlocks(rows + b * kValues, num_blocks - b, blocks + b);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeMXFP4Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  EncodeBlocks(rows, num_rows * columns / kValues, reinterpret_cast<BlockMXFP4*>(out));
}

HWY_EXPORT(EncodeMXFP4Impl);

void EncodeMXFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeMXFP4Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
