// NearestFp4Level for vectors.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_FP4_LEVEL_INL_H_
#endif

#include "hwy/highway.h"
#include "quantize/encode/refine/fp4_level.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kReachesTop: v can be closer to 16 units than to 12.
template <bool kReachesTop = true, class DF, class VF>
HWY_INLINE VF NearestFp4LevelLanes(DF df, VF v, float unit) {
  const hn::RebindToUnsigned<DF> du;
  const auto exponent =
      hn::And(hn::BitCast(du, hn::Max(v, hn::Set(df, 2.0f * unit))), hn::Set(du, kFp4ExponentMask));
  const auto rounding = hn::BitCast(df, hn::Add(exponent, hn::Set(du, kFp4RoundingOffset)));
  const auto level = hn::Sub(hn::Add(v, rounding), rounding);
  return kReachesTop ? hn::Min(level, hn::Set(df, kLargestFp4Level * unit)) : level;
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
