// What the kernels of dot.h share: vectors of at most 64 bytes, and sums of integers under scales.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_
#undef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_
#else
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"

// Elsewhere rows are decoded to float.
#undef GGUF_HAVE_DOT

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
#define GGUF_HAVE_DOT 0
#else
#define GGUF_HAVE_DOT 1

using DF = hn::CappedTag<float, 16>;
using DI32 = hn::RebindToSigned<DF>;
using DI16 = hn::Repartition<int16_t, DF>;
using DU16 = hn::RebindToUnsigned<DI16>;
using DU8 = hn::Repartition<uint8_t, DF>;
using VF = hn::Vec<DF>;
using VI32 = hn::Vec<DI32>;
using VI16 = hn::Vec<DI16>;
inline constexpr size_t kN = hn::MaxLanes(DF());  // floats; twice as many words

// sums + codes * x, pairs of words added; x has as many words as a vector
HWY_INLINE VI32 MulPairs(VI16 codes, const int16_t* x, VI32 sums) {
  VI32 unused = hn::Zero(DI32());
  return hn::ReorderWidenMulAccumulate(DI32(), codes, hn::LoadU(DI16(), x), sums, unused);
}

// total + sums * scale
HWY_INLINE VF AddScaled(VI32 sums, VF scale, VF total) {
  return hn::MulAdd(hn::ConvertTo(DF(), sums), scale, total);
}

HWY_INLINE float SumOf(VF values) { return hn::GetLane(hn::SumOfLanes(DF(), values)); }

// How far ahead of the codes in use their cache lines are asked for: rows follow one another, and
// the processor by itself stops at the end of a page.
inline constexpr size_t kAhead = 4096;  // bytes

// Asks for the bytes that `at` will reach; beyond the end of memory this does nothing.
template <size_t kBytes>
HWY_INLINE void PrefetchAhead(const void* at) {
  for (size_t i = 0; i < kBytes; i += 64) {
    hwy::Prefetch(static_cast<const uint8_t*>(at) + kAhead + i);
  }
}

HWY_INLINE float HalfToFloat(const void* half) {
  const hn::FixedTag<float, 1> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> d16;
  return hn::GetLane(hn::PromoteTo(d, hn::LoadU(d16, static_cast<const hwy::float16_t*>(half))));
}

using DI8x16 = hn::FixedTag<int8_t, 16>;
using DU8x16 = hn::FixedTag<uint8_t, 16>;

// out[16] = codes[16] * factor. A template so that only the branch in use is compiled.
template <size_t kLanes = kN>
HWY_INLINE void ScaledCodes(hn::Vec<DI8x16> codes, float factor, float* out) {
  const VF scale = hn::Set(DF(), factor);
  if constexpr (kLanes == 16) {
    const auto integers = hn::PromoteTo(hn::CappedTag<int32_t, kLanes>(), codes);
    hn::Store(hn::Mul(hn::ConvertTo(DF(), integers), scale), DF(), out);
  } else {
    alignas(16) int8_t bytes[16];
    hn::Store(codes, DI8x16(), bytes);
    for (size_t i = 0; i < 16; i += kN) {
      const auto integers = hn::PromoteTo(DI32(), hn::LoadU(hn::Rebind<int8_t, DF>(), bytes + i));
      hn::Store(hn::Mul(hn::ConvertTo(DF(), integers), scale), DF(), out + i);
    }
  }
}

// As above, of the codes at `places`.
HWY_INLINE void ScaledCodes(hn::Vec<DI8x16> codes, const int8_t* places, float factor, float* out) {
  ScaledCodes(hn::TableLookupBytes(codes, hn::Load(DI8x16(), places)), factor, out);
}

// Words of the even and of the odd bytes, with their signs.
HWY_INLINE VI16 EvenBytes(VI16 words) { return hn::ShiftRight<8>(hn::ShiftLeft<8>(words)); }
HWY_INLINE VI16 OddBytes(VI16 words) { return hn::ShiftRight<8>(words); }

#endif  // GGUF_HAVE_DOT

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_
