// Sorting in SIMD lanes: value i of lane b at [i * Lanes(df) + b].

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SORT_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SORT_LANES_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SORT_LANES_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SORT_LANES_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The smaller of a pair goes to `low`.
template <class DF>
HWY_INLINE void ExchangeLanes(DF df, float* HWY_RESTRICT low, float* HWY_RESTRICT high) {
  const auto a = hn::Load(df, low);
  const auto b = hn::Load(df, high);
  hn::Store(hn::Min(a, b), df, low);
  hn::Store(hn::Max(a, b), df, high);
}

// Sorts kValues values (a power of two) of every lane, ascending: Batcher's odd-even merge sort.
template <size_t kValues, class DF>
HWY_INLINE void SortLanes(DF df, float* HWY_RESTRICT values) {
  const size_t lanes = hn::Lanes(df);
  for (size_t part = 1; part < kValues; part *= 2) {
    for (size_t i = 0; i < kValues; i += 2 * part) {
      for (size_t k = i; k < i + part; ++k) {
        ExchangeLanes(df, values + k * lanes, values + (k + part) * lanes);
      }
    }
    // The first and the last `step` values of each merged part have no partner.
    for (size_t step = part / 2; step >= 1; step /= 2) {
      for (size_t i = 0; i < kValues; i += 2 * part) {
        for (size_t start = i + step; start + step < i + 2 * part; start += 2 * step) {
          for (size_t k = start; k < start + step; ++k) {
            ExchangeLanes(df, values + k * lanes, values + (k + step) * lanes);
          }
        }
      }
    }
  }
}

// Merges two ascending halves of kValues values (a power of two), the second of which is stored in
// reverse.
template <size_t kValues, class DF>
HWY_INLINE void MergeLanes(DF df, float* HWY_RESTRICT values) {
  const size_t lanes = hn::Lanes(df);
  for (size_t step = kValues / 2; step >= 1; step /= 2) {
    for (size_t start = 0; start < kValues; start += 2 * step) {
      for (size_t i = start; i < start + step; ++i) {
        ExchangeLanes(df, values + i * lanes, values + (i + step) * lanes);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
