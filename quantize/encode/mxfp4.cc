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

// The greatest scale under which the largest code, 12 halves, is finite.
constexpr uint8_t kLargestFiniteE = 252;

void StoreCodesOf(const float* x, float half_scale, uint8_t* qs) {
  for (size_t j = 0; j < kValues / 2; ++j) {
    qs[j] = static_cast<uint8_t>(NearestFp4(x[j], half_scale) |
                                 NearestFp4(x[j + kValues / 2], half_scale) << 4);
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MXFP4_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeMXFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                     uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<float, kValues / 2> df;
  auto* blocks = reinterpret_cast<BlockMXFP4*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* HWY_RESTRICT x = rows + b * kValues;
    const uint8_t e = E8M0OfLargest(LargestMagnitudeOf<kValues>(df, x));
    const float half_scale = E8M0Half(e);
    blocks[b].e = e;
    if (HWY_UNLIKELY(e > kLargestFiniteE)) {
      StoreCodesOf(x, half_scale, blocks[b].qs);
      continue;
    }
    for (size_t j = 0; j < kValues / 2; j += hn::Lanes(df)) {
      StoreFp4Pairs(df, hn::LoadU(df, x + j), hn::LoadU(df, x + kValues / 2 + j),
                    hn::Set(df, half_scale), blocks[b].qs + j);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeMXFP4Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockMXFP4*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    blocks[b].e = E8M0OfLargest(LargestMagnitude(x, kValues));
    StoreCodesOf(x, E8M0Half(blocks[b].e), blocks[b].qs);
  }
}

HWY_EXPORT(EncodeMXFP4Impl);

void EncodeMXFP4(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeMXFP4Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
