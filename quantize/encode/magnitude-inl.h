// Largest magnitudes of blocks.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_MAGNITUDE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Largest |x| of kValues values, a multiple of Lanes(df): in every lane of its share, and of all.
template <size_t kValues, class DF>
HWY_INLINE hn::Vec<DF> LargestInLanes(DF df, const float* HWY_RESTRICT x) {
  auto largest = hn::Abs(hn::LoadU(df, x));
  HWY_UNROLL(16)
  for (size_t i = hn::Lanes(df); i < kValues; i += hn::Lanes(df)) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(df, x + i)));
  }
  return largest;
}

template <size_t kValues, class DF>
HWY_INLINE float LargestMagnitudeOf(DF df, const float* HWY_RESTRICT x) {
  return hn::GetLane(hn::MaxOfLanes(df, LargestInLanes<kValues>(df, x)));
}

#if HWY_TARGET != HWY_SCALAR
// The maxima over the 128-bit blocks of v: four floats.
template <class DF>
HWY_INLINE void StoreMaximaOfBlocks(DF df, hn::Vec<DF> v, float* HWY_RESTRICT out) {
  if constexpr (hn::MaxLanes(df) > 4) {
    const hn::Half<DF> half;
    StoreMaximaOfBlocks(half, hn::Max(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), out);
  } else {
    hn::StoreU(v, df, out);
  }
}

// Largest |x| of each of four runs of kValues values (a multiple of 16), `stride` apart.
template <size_t kValues, class DF>
HWY_INLINE void FourLargestMagnitudes(DF df, const float* HWY_RESTRICT x, size_t stride,
                                      float* HWY_RESTRICT out) {
  const hn::Repartition<uint64_t, DF> d64;
  const auto a = LargestInLanes<kValues>(df, x);
  const auto b = LargestInLanes<kValues>(df, x + stride);
  const auto c = LargestInLanes<kValues>(df, x + 2 * stride);
  const auto d = LargestInLanes<kValues>(df, x + 3 * stride);
  // In every 128-bit block: a b a b and c d c d, then a b c d.
  const auto ab =
      hn::BitCast(d64, hn::Max(hn::InterleaveLower(df, a, b), hn::InterleaveUpper(df, a, b)));
  const auto cd =
      hn::BitCast(d64, hn::Max(hn::InterleaveLower(df, c, d), hn::InterleaveUpper(df, c, d)));
  const auto abcd = hn::Max(hn::BitCast(df, hn::InterleaveLower(d64, ab, cd)),
                            hn::BitCast(df, hn::InterleaveUpper(d64, ab, cd)));
  StoreMaximaOfBlocks(df, abcd, out);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
