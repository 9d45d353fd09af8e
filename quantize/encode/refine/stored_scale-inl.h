// The rounding of stored_scale.h for one block per SIMD lane, and short names for such vectors.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_INL_H_
#undef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_INL_H_
#else
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_STORED_SCALE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "quantize/encode/refine/stored_scale.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The tag of the encoders that these start from.
using RefineFloats = hn::CappedTag<float, 16>;
using RefineInts = hn::RebindToSigned<RefineFloats>;

using FVec = hn::Vec<RefineFloats>;
using FMask = hn::Mask<RefineFloats>;

HWY_INLINE FVec FSet(float v) { return hn::Set(RefineFloats(), v); }
HWY_INLINE FVec FLoad(const float* from) { return hn::Load(RefineFloats(), from); }
HWY_INLINE void FStore(FVec v, float* to) { hn::Store(v, RefineFloats(), to); }

HWY_INLINE FVec RoundToF16Lanes(FVec v) {
  const RefineInts di;
  const FVec half = FSet(0.5f);
  const FVec small = hn::Sub(hn::Add(v, half), half);
  const auto bits = hn::BitCast(di, v);
  const auto odd = hn::And(hn::ShiftRight<13>(bits), hn::Set(di, 1));
  const auto rounded =
      hn::And(hn::Add(bits, hn::Add(hn::Set(di, 0xFFF), odd)), hn::Set(di, ~0x1FFF));
  return hn::IfThenElse(hn::Lt(v, FSet(6.103515625e-05f)), small,
                        hn::BitCast(RefineFloats(), rounded));
}

HWY_INLINE FVec RoundSignedToF16Lanes(FVec v) {
  return hn::CopySign(RoundToF16Lanes(hn::Abs(v)), v);
}

HWY_INLINE FVec RoundToIntegerLanes(FVec v) {
  const FVec magic = FSet(12582912.0f);
  return hn::Sub(hn::Add(v, magic), magic);
}

HWY_INLINE FVec LimitLanes(FVec v, FVec low, FVec high) {
  const FVec above = hn::IfThenElse(hn::Gt(v, low), v, low);
  return hn::IfThenElse(hn::Lt(above, high), above, high);
}

// `to` becomes `from` in the lanes of `mask`. Both are structs of arrays of floats.
template <class Lanes>
HWY_INLINE void TakeLanes(FMask mask, const Lanes& from, Lanes& to) {
  const float* HWY_RESTRICT source = reinterpret_cast<const float*>(&from);
  float* HWY_RESTRICT target = reinterpret_cast<float*>(&to);
  static_assert(sizeof(Lanes) % (sizeof(float) * hn::MaxLanes(RefineFloats())) == 0,
                "whole vectors");
  for (size_t i = 0; i < sizeof(Lanes) / sizeof(float); i += hn::Lanes(RefineFloats())) {
    FStore(hn::IfThenElse(mask, FLoad(source + i), FLoad(target + i)), target + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
