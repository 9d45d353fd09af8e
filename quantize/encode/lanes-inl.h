// One block (or sub-block) per SIMD lane: every lane does the scalar reference's operations in the
// scalar order, so the bytes depend neither on the vector width nor on the instruction set.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LANES_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LANES_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LANES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// v rounded to the nearest integer, ties to even, by adding 1.5 * 2^23; the result is that
// integer for |v| <= 4194303 and the same garbage as the scalar reference beyond.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> RintLanes(DF df, VF v) {
  const hn::RebindToSigned<DF> di;
  const auto shifted = hn::BitCast(di, hn::Add(v, hn::Set(df, 12582912.0f)));
  return hn::Sub(hn::And(shifted, hn::Set(di, 0x007FFFFF)), hn::Set(di, 0x00400000));
}

#if HWY_TARGET != HWY_SCALAR
// Four values each of four blocks, transposed.
template <class D4>
HWY_INLINE void TransposeFour(D4 d4, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                              const float* HWY_RESTRICT c, const float* HWY_RESTRICT d,
                              size_t stride, float* HWY_RESTRICT out) {
  const auto va = hn::LoadU(d4, a);
  const auto vb = hn::LoadU(d4, b);
  const auto vc = hn::LoadU(d4, c);
  const auto vd = hn::LoadU(d4, d);
  const auto ab01 = hn::InterleaveLower(d4, va, vb);
  const auto cd01 = hn::InterleaveLower(d4, vc, vd);
  const auto ab23 = hn::InterleaveUpper(d4, va, vb);
  const auto cd23 = hn::InterleaveUpper(d4, vc, vd);
  hn::StoreU(hn::ConcatLowerLower(d4, cd01, ab01), d4, out);
  hn::StoreU(hn::ConcatUpperUpper(d4, cd01, ab01), d4, out + stride);
  hn::StoreU(hn::ConcatLowerLower(d4, cd23, ab23), d4, out + 2 * stride);
  hn::StoreU(hn::ConcatUpperUpper(d4, cd23, ab23), d4, out + 3 * stride);
}
#endif

// Transposes Lanes(df) blocks of `length` floats, block b at `blocks[b]`, into
// out[i * Lanes(df) + b].
//
// In squares of 4 x 4: half a shuffle per value, where a gather takes a load per value.
template <class DF>
HWY_INLINE void TransposeToLanes(DF df, const float* const* blocks, size_t length,
                                 float* HWY_RESTRICT out) {
  const size_t lanes = hn::Lanes(df);
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 4> d4;
  if (lanes % 4 == 0 && hn::Lanes(d4) == 4 && length % 4 == 0) {
    for (size_t b = 0; b < lanes; b += 4) {
      for (size_t i = 0; i < length; i += 4) {
        TransposeFour(d4, blocks[b] + i, blocks[b + 1] + i, blocks[b + 2] + i, blocks[b + 3] + i,
                      lanes, out + i * lanes + b);
      }
    }
    return;
  }
#endif
  for (size_t i = 0; i < length; ++i) {
    for (size_t b = 0; b < lanes; ++b) out[i * lanes + b] = blocks[b][i];
  }
}

// Transposes `num_blocks` (1 to Lanes(df)) blocks of `length` floats, block b at
// `base + b * stride`, into out[i * Lanes(df) + b]. Lanes beyond num_blocks repeat the last block,
// so that they compute something finite and are dropped by the caller.
template <class DF>
HWY_INLINE void LoadBlocksToLanes(DF df, const float* HWY_RESTRICT base, size_t stride,
                                  size_t num_blocks, size_t length, float* HWY_RESTRICT out) {
  const float* blocks[hn::MaxLanes(df)];
  for (size_t b = 0; b < hn::Lanes(df); ++b) {
    blocks[b] = base + HWY_MIN(b, num_blocks - 1) * stride;
  }
  TransposeToLanes(df, blocks, length, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
