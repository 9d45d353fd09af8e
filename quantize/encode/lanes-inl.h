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

// Transposes `num_blocks` (1 to Lanes(df)) blocks of `length` floats, block b at
// `base + b * stride`, into out[i * Lanes(df) + b]. Lanes beyond num_blocks repeat the last block,
// so that they compute something finite and are dropped by the caller.
template <class DF>
HWY_INLINE void LoadBlocksToLanes(DF df, const float* HWY_RESTRICT base, size_t stride,
                                  size_t num_blocks, size_t length, float* HWY_RESTRICT out) {
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  const auto last = hn::Set(di, static_cast<int32_t>(num_blocks - 1));
  const auto index =
      hn::Mul(hn::Min(hn::Iota(di, 0), last), hn::Set(di, static_cast<int32_t>(stride)));
  for (size_t i = 0; i < length; ++i) {
    hn::StoreU(hn::GatherIndex(df, base + i, index), df, out + i * lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
