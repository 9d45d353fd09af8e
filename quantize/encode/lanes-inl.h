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
// Four values each of blocks 0, 4, 8 and so on: one 128-bit part of the vector per block.
template <class DF>
HWY_INLINE hn::Vec<DF> LoadEveryFourth(DF df, const float* const* blocks, size_t first) {
  if constexpr (hn::MaxLanes(df) == 4) {
    return hn::LoadU(df, blocks[0] + first);
  } else {
    const hn::Half<DF> half;
    constexpr size_t kUpper = hn::MaxLanes(df) / 2;
    return hn::Combine(df, LoadEveryFourth(half, blocks + kUpper, first),
                       LoadEveryFourth(half, blocks, first));
  }
}

// Four values each of Lanes(df) blocks, transposed.
template <class DF>
HWY_INLINE void TransposeFour(DF df, const float* const* blocks, size_t first,
                              float* HWY_RESTRICT out) {
  const hn::Repartition<uint64_t, DF> d64;
  const size_t lanes = hn::Lanes(df);
  const auto a = LoadEveryFourth(df, blocks, first);
  const auto b = LoadEveryFourth(df, blocks + 1, first);
  const auto c = LoadEveryFourth(df, blocks + 2, first);
  const auto d = LoadEveryFourth(df, blocks + 3, first);
  const auto ab01 = hn::BitCast(d64, hn::InterleaveLower(df, a, b));
  const auto cd01 = hn::BitCast(d64, hn::InterleaveLower(df, c, d));
  const auto ab23 = hn::BitCast(d64, hn::InterleaveUpper(df, a, b));
  const auto cd23 = hn::BitCast(d64, hn::InterleaveUpper(df, c, d));
  hn::StoreU(hn::BitCast(df, hn::InterleaveLower(d64, ab01, cd01)), df, out);
  hn::StoreU(hn::BitCast(df, hn::InterleaveUpper(d64, ab01, cd01)), df, out + lanes);
  hn::StoreU(hn::BitCast(df, hn::InterleaveLower(d64, ab23, cd23)), df, out + 2 * lanes);
  hn::StoreU(hn::BitCast(df, hn::InterleaveUpper(d64, ab23, cd23)), df, out + 3 * lanes);
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
  if constexpr (hn::MaxLanes(df) >= 4) {
    if (length % 4 == 0) {
      for (size_t i = 0; i < length; i += 4) TransposeFour(df, blocks, i, out + i * lanes);
      return;
    }
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
