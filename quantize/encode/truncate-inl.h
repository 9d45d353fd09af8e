// Floats to integers without their fractions, for values known to be small.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TRUNCATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TRUNCATE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TRUNCATE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TRUNCATE_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// For |v| < 2^31. ConvertTo spends three more instructions on larger values.
template <class DF, class VF>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> TruncateLanes(DF /* df */, VF v) {
  const hn::RebindToSigned<DF> di;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  if constexpr (hn::MaxLanes(di) == 16) {
    return hn::Vec<hn::RebindToSigned<DF>>{_mm512_cvttps_epi32(v.raw)};
  }
#endif
  return hn::ConvertTo(di, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
