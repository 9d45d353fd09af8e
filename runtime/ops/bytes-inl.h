// Multiplying bytes four to a sum, where one instruction does it.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_RUNTIME_OPS_BYTES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_RUNTIME_OPS_BYTES_INL_H_
#undef GGUF_TOOLCHAIN_RUNTIME_OPS_BYTES_INL_H_
#else
#define GGUF_TOOLCHAIN_RUNTIME_OPS_BYTES_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

#undef GGUF_HAVE_BYTES
#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86_64
#define GGUF_HAVE_BYTES 1
#else
#define GGUF_HAVE_BYTES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if GGUF_HAVE_BYTES

// sums + products of bytes of a, unsigned, and of b, signed, four to a sum. Highway 1.0.3 has no
// operation for the instruction.
HWY_INLINE hn::Vec<hn::CappedTag<int32_t, 16>> MultiplyBytes(
    hn::Vec<hn::CappedTag<uint8_t, 64>> a, hn::Vec<hn::CappedTag<uint8_t, 64>> b,
    hn::Vec<hn::CappedTag<int32_t, 16>> sums) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums.raw) : "v"(a.raw), "v"(b.raw));
  return sums;
}

#endif  // GGUF_HAVE_BYTES

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
