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
  const size_t lanes = hn::Lanes(df);
  auto even = hn::Abs(hn::LoadU(df, x));
  if (lanes == kValues) return even;
  auto odd = hn::Abs(hn::LoadU(df, x + lanes));
  HWY_UNROLL(16)
  for (size_t i = 2 * lanes; i < kValues; i += 2 * lanes) {
    even = hn::Max(even, hn::Abs(hn::LoadU(df, x + i)));
    odd = hn::Max(odd, hn::Abs(hn::LoadU(df, x + i + lanes)));
  }
  return hn::Max(even, odd);
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

// In every 128-bit block the largest |x| of its share of four runs of kValues values (a multiple of
// 16), `stride` apart.
template <size_t kValues, class DF>
HWY_INLINE hn::Vec<DF> FourLargestInBlocks(DF df, const float* HWY_RESTRICT x, size_t stride) {
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
  return hn::Max(hn::BitCast(df, hn::InterleaveLower(d64, ab, cd)),
                 hn::BitCast(df, hn::InterleaveUpper(d64, ab, cd)));
}

// Largest |x| of each of these runs.
template <size_t kValues, class DF>
HWY_INLINE void FourLargestMagnitudes(DF df, const float* HWY_RESTRICT x, size_t stride,
                                      float* HWY_RESTRICT out) {
  StoreMaximaOfBlocks(df, FourLargestInBlocks<kValues>(df, x, stride), out);
}

// Blocks of both vectors: the maxima over the blocks of a in the lower half, of b in the upper.
template <class DF, class VF>
HWY_INLINE VF MaximaOfHalves(DF df, VF a, VF b) {
  return hn::Max(hn::ConcatLowerLower(df, b, a), hn::ConcatUpperUpper(df, b, a));
}

// Lane i: the largest |x| of the i-th of Lanes(df) runs of kValues values, one after the other.
template <size_t kValues, class DF>
HWY_INLINE hn::Vec<DF> LargestOfRuns(DF df, const float* HWY_RESTRICT x) {
  const auto first = FourLargestInBlocks<kValues>(df, x, kValues);
  if constexpr (hn::MaxLanes(df) == 4) return first;
  if constexpr (hn::MaxLanes(df) == 8) {
    return MaximaOfHalves(df, first, FourLargestInBlocks<kValues>(df, x + 4 * kValues, kValues));
  }
  if constexpr (hn::MaxLanes(df) == 16) {
    const auto second = FourLargestInBlocks<kValues>(df, x + 4 * kValues, kValues);
    const auto third = FourLargestInBlocks<kValues>(df, x + 8 * kValues, kValues);
    const auto fourth = FourLargestInBlocks<kValues>(df, x + 12 * kValues, kValues);
    const auto first_third = MaximaOfHalves(df, first, third);
    const auto second_fourth = MaximaOfHalves(df, second, fourth);
    return hn::OddEvenBlocks(hn::Max(second_fourth, hn::SwapAdjacentBlocks(second_fourth)),
                             hn::Max(first_third, hn::SwapAdjacentBlocks(first_third)));
  }
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
