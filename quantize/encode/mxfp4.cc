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

// Where 12 halves of the scale, and 8 over them, are finite.
constexpr uint8_t kLeastE = 4;
constexpr uint8_t kLargestE = 252;

void StoreCodesOf(const float* x, float half_scale, uint8_t* qs) {
  for (size_t j = 0; j < kValues / 2; ++j) {
    qs[j] = static_cast<uint8_t>(NearestFp4(x[j], half_scale) |
                                 NearestFp4(x[j + kValues / 2], half_scale) << 4);
  }
}

void EncodeBlocks(const float* rows, size_t num_blocks, BlockMXFP4* blocks) {
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    blocks[b].e = E8M0OfLargest(LargestMagnitude(x, kValues));
    StoreCodesOf(x, E8M0Half(blocks[b].e), blocks[b].qs);
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

// The bytes of two blocks, whose second may be the first again. `lanes` values at a time.
HWY_INLINE void StoreTwoBlocks(const float* HWY_RESTRICT x0, const float* HWY_RESTRICT x1, float f0,
                               float f1, uint8_t* HWY_RESTRICT qs0, uint8_t* HWY_RESTRICT qs1) {
  constexpr size_t kHalf = kValues / 2;
  const hn::CappedTag<float, kHalf> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::Rebind<uint8_t, decltype(df)> d8;
  const auto low_byte = hn::Set(du, 0xFF);
  for (size_t j = 0; j < kHalf; j += hn::Lanes(df)) {
    const auto codes =
        NearestFp4OfFour(df, x0 + j, x0 + kHalf + j, x1 + j, x1 + kHalf + j, f0, f0, f1, f1);
    const auto pairs = hn::Or(codes, hn::ShiftRight<4>(codes));  // in bytes 0 and 2
    hn::StoreU(hn::U8FromU32(hn::And(hn::ShiftRight<16>(pairs), low_byte)), d8, qs1 + j);
    hn::StoreU(hn::U8FromU32(hn::And(pairs, low_byte)), d8, qs0 + j);
  }
}

// The factor of NearestFp4OfFour for scale e, 8 / 2^(e - 128) and one float less.
HWY_INLINE float FactorOf(uint8_t e) { return FloatOf(((258u - e) << 23) - 1); }

#endif

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
      is_usual &= (e >= kLeastE && e <= kLargestE) || amax[i] == 0.0f;
      factors[i] = amax[i] == 0.0f ? 0.0f : FactorOf(e);
    }
    if (HWY_UNLIKELY(!is_usual)) {
      EncodeBlocks(x, kBatch, blocks + b);
      continue;
    }
    for (size_t i = 0; i < kBatch; i += 2) {
      StoreTwoBlocks(x + i * kValues, x + (i + 1) * kValues, factors[i], factors[i + 1],
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
