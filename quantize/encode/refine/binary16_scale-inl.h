// Binary16Scale for vectors.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_BINARY16_SCALE_INL_H_
#endif

#include "hwy/highway.h"
#include "quantize/encode/refine/binary16_scale.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Not for NaN.
template <class DF, class VF>
HWY_INLINE VF Binary16ScaleLanes(DF df, VF v) {
  const hn::RebindToUnsigned<DF> du;
  const auto finite = hn::Min(v, hn::Set(df, kLargestBinary16));
  const auto exponent = hn::And(hn::BitCast(du, finite), hn::Set(du, kBinary16ExponentMask));
  const auto rounding = hn::BitCast(df, hn::Add(exponent, hn::Set(du, kBinary16RoundingOffset)));
  const auto at_least = hn::Max(rounding, hn::Set(df, kBinary16LeastRounding));
  return hn::Sub(hn::Add(finite, at_least), at_least);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
