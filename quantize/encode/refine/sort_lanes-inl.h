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

// The smaller to a.
template <class V>
HWY_INLINE void ExchangeLanes(V& a, V& b) {
  const V smaller = hn::Min(a, b);
  b = hn::Max(a, b);
  a = smaller;
}

template <class DF>
HWY_INLINE void ExchangeStored(DF df, float* HWY_RESTRICT low, float* HWY_RESTRICT high) {
  auto a = hn::Load(df, low);
  auto b = hn::Load(df, high);
  ExchangeLanes(a, b);
  hn::Store(a, df, low);
  hn::Store(b, df, high);
}

// Two steps of four values at once, which saves half of the loads and stores: pairs (a, c) and
// (b, d), or (a, d) and (b, c) with kMirrored, then (a, b) and (c, d).
template <bool kMirrored, class DF>
HWY_INLINE void ExchangeFour(DF df, float* HWY_RESTRICT pa, float* HWY_RESTRICT pb,
                             float* HWY_RESTRICT pc, float* HWY_RESTRICT pd) {
  auto a = hn::Load(df, pa);
  auto b = hn::Load(df, pb);
  auto c = hn::Load(df, pc);
  auto d = hn::Load(df, pd);
  ExchangeLanes(a, kMirrored ? d : c);
  ExchangeLanes(b, kMirrored ? c : d);
  ExchangeLanes(a, b);
  ExchangeLanes(c, d);
  hn::Store(a, df, pa);
  hn::Store(b, df, pb);
  hn::Store(c, df, pc);
  hn::Store(d, df, pd);
}

// Sorts bitonic runs of 2 * step values: exchanges with the value `step` further, and so on with
// half of it, down to 1.
template <size_t kValues, class DF>
HWY_INLINE void SortBitonicRuns(DF df, size_t step, float* HWY_RESTRICT values) {
  const size_t lanes = hn::Lanes(df);
  for (; step >= 2; step /= 4) {
    const size_t half = step / 2 * lanes;
    for (size_t start = 0; start < kValues; start += 2 * step) {
      for (size_t k = start; k < start + step / 2; ++k) {
        float* HWY_RESTRICT a = values + k * lanes;
        ExchangeFour<false>(df, a, a + half, a + 2 * half, a + 3 * half);
      }
    }
  }
  if (step == 0) return;
  for (size_t k = 0; k < kValues; k += 2) {
    ExchangeStored(df, values + k * lanes, values + (k + 1) * lanes);
  }
}

// Sorts kValues values (a power of two) of every lane, ascending: bitonic merge sort, whose runs
// are all ascending because each merge begins with exchanges between mirrored places.
template <size_t kValues, class DF>
HWY_INLINE void SortLanes(DF df, float* HWY_RESTRICT values) {
  const size_t lanes = hn::Lanes(df);
  SortBitonicRuns<kValues>(df, 1, values);
  for (size_t part = 2; part < kValues; part *= 2) {
    for (size_t start = 0; start < kValues; start += 2 * part) {
      for (size_t k = 0; k < part / 2; ++k) {
        float* HWY_RESTRICT a = values + (start + k) * lanes;
        float* HWY_RESTRICT d = values + (start + 2 * part - 1 - k) * lanes;
        ExchangeFour<true>(df, a, a + part / 2 * lanes, d - part / 2 * lanes, d);
      }
    }
    SortBitonicRuns<kValues>(df, part / 4, values);
  }
}

// Merges two ascending halves of kValues values (a power of two), the second of which is stored in
// reverse.
template <size_t kValues, class DF>
HWY_INLINE void MergeLanes(DF df, float* HWY_RESTRICT values) {
  SortBitonicRuns<kValues>(df, kValues / 2, values);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
