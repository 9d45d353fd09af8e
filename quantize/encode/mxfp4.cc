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

#if HWY_TARGET != HWY_SCALAR
using Lanes = hn::CappedTag<float, 16>;

// E8M0OfLargest and its factor for Lanes(df) blocks. False: one is not usual or close below a power
// of two, where log2f may round up.
HWY_INLINE bool ScalesOf(Lanes df, const float* HWY_RESTRICT x, uint32_t* HWY_RESTRICT scales,
                         float* HWY_RESTRICT factors) {
  const hn::RebindToSigned<Lanes> di;
  const hn::RebindToUnsigned<Lanes> du;
  const auto bits = hn::BitCast(di, LargestOfRuns<kValues>(df, x));
  const auto is_zero = hn::Eq(bits, hn::Zero(di));
  const auto e = hn::Sub(hn::ShiftRight<23>(bits), hn::Set(di, 2));
  const auto mantissa = hn::And(bits, hn::Set(di, 0x007FFFFF));
  const auto is_usual = hn::And(hn::And(hn::Gt(e, hn::Set(di, kLeastUsualE8M0 - 1)),
                                        hn::Lt(e, hn::Set(di, kLargestUsualE8M0 + 1))),
                                hn::Lt(mantissa, hn::Set(di, 0x00800000 - kFloorLog2Reach)));
  const auto factor = hn::Sub(hn::ShiftLeft<23>(hn::Sub(hn::Set(di, 256), e)), hn::Set(di, 1));
  hn::StoreU(hn::BitCast(du, hn::IfThenZeroElse(is_zero, e)), du, scales);
  hn::StoreU(hn::BitCast(df, hn::IfThenZeroElse(is_zero, factor)), df, factors);
  return hn::AllTrue(di, hn::Or(is_usual, is_zero));
}
#endif

// First all scales of a chunk, then its codes: so many steps of the one and of the other are
// independent that their latencies overlap.
void EncodeMXFP4Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeMXFP4Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  constexpr size_t kChunk = 64;
  const Lanes df;
  auto* blocks = reinterpret_cast<BlockMXFP4*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  float factors[kChunk];
  uint32_t scales[kChunk];
  size_t count;
  size_t b = 0;
  for (; b + hn::Lanes(df) <= num_blocks; b += count) {
    const float* HWY_RESTRICT x = rows + b * kValues;
    count = HWY_MIN(kChunk, (num_blocks - b) / hn::Lanes(df) * hn::Lanes(df));
    bool is_usual = true;
    for (size_t i = 0; i < count; i += hn::Lanes(df)) {
      is_usual &= ScalesOf(df, x + i * kValues, scales + i, factors + i);
    }
    if (HWY_UNLIKELY(!is_usual)) {
      EncodeBlocks(x, count, blocks + b);
      continue;
    }
    for (size_t i = 0; i < count; i += 2) {
      BlockMXFP4* HWY_RESTRICT two = blocks + b + i;
      two[0].e = static_cast<uint8_t>(scales[i]);
      two[1].e = static_cast<uint8_t>(scales[i + 1]);
      StoreMXFP4Codes(x + i * kValues, x + (i + 1) * kValues, factors[i], factors[i + 1], two[0].qs,
                      two[1].qs);
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
