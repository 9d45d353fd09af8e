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
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "runtime/ops/dot.h"
#include "runtime/ops/unroll.h"

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

HWY_INLINE float SumOf(VF values) { return hn::GetLane(hn::SumOfLanes(DF(), values)); }

// One number per part of the activations (DotActivations::num_parts), in every lane of D.
template <int kParts, class D>
struct Parts {
  hn::Vec<D> part[kParts];

  HWY_INLINE Parts() {
    for (int i = 0; i < kParts; ++i) part[i] = hn::Zero(D());
  }
};
template <int kParts, class D = DI32>
using Sums = Parts<kParts, D>;
template <int kParts, class D = DF>
using Totals = Parts<kParts, D>;

// sums += codes * x, pairs of words added; x has as many words as a vector, its next part `stride`
// words behind it.
template <int kParts, class D, class V>
HWY_INLINE void MulPairs(V codes, const int16_t* x, size_t stride, Parts<kParts, D>& sums) {
  GGUF_UNROLL
  for (int i = 0; i < kParts; ++i) {
    hn::Vec<D> unused = hn::Zero(D());
    sums.part[i] = hn::ReorderWidenMulAccumulate(
        D(), codes, hn::LoadU(hn::DFromV<V>(), x + i * stride), sums.part[i], unused);
  }
}

// total += sums * scale
template <int kParts, class DI, class D>
HWY_INLINE void AddScaled(const Parts<kParts, DI>& sums, hn::Vec<D> scale,
                          Parts<kParts, D>& total) {
  GGUF_UNROLL
  for (int i = 0; i < kParts; ++i) {
    total.part[i] = hn::MulAdd(hn::ConvertTo(D(), sums.part[i]), scale, total.part[i]);
  }
}

template <int kParts, class D>
HWY_INLINE float SumOf(const Parts<kParts, D>& total) {
  auto sum = total.part[0];
  if constexpr (kParts == 2) {
    sum = hn::MulAdd(total.part[1], hn::Set(D(), 1.0f / kDotSecondPart), sum);
  }
  return hn::GetLane(hn::SumOfLanes(D(), sum));
}

// How far ahead of the codes in use their cache lines are asked for: rows follow one another, and
// the processor by itself stops at the end of a page.
inline constexpr size_t kAhead = 4096;  // bytes

// Asks for the bytes from `at` on; beyond the end of memory this does nothing.
template <size_t kBytes>
HWY_INLINE void Prefetch(const uint8_t* at) {
  for (size_t i = 0; i < kBytes; i += 64) hwy::Prefetch(at + i);
}

template <size_t kBytes>
HWY_INLINE void PrefetchAhead(const void* at) {
  Prefetch<kBytes>(static_cast<const uint8_t*>(at) + kAhead);
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

// Sixteen runs of four bytes of a grid, side by side: those at indices of eight bits, and of a
// ninth where there are bits of them.
template <size_t kLanes = kN>
HWY_INLINE hn::Vec<DU8> GatherRuns(const uint8_t (*grid)[4], const uint8_t* low,
                                   const uint8_t* ninth_bits) {
  static_assert(kLanes == 16, "a vector of 64 bytes");
  const hn::CappedTag<uint32_t, kLanes> d;
  auto indices = hn::PromoteTo(d, hn::LoadU(DU8x16(), low));
  if (ninth_bits != nullptr) {
    const auto ninth = hn::IfThenElseZero(hn::LoadMaskBits(d, ninth_bits), hn::Set(d, 256));
    indices = hn::Or(indices, ninth);
  }
  return hn::BitCast(DU8(), hn::GatherIndex(d, reinterpret_cast<const uint32_t*>(grid),
                                            hn::BitCast(DI32(), indices)));
}

// The codes of the eight scales of Q4_K and Q5_K, then of the eight minimums (k_scales.h).
HWY_INLINE hn::Vec<DI8x16> KScaleCodes(const uint8_t* packed) {
  uint32_t words[3];
  std::memcpy(words, packed, sizeof(words));
  const uint32_t codes[4] = {
      words[0] & 0x3F3F3F3Fu,
      (words[2] & 0x0F0F0F0Fu) | ((words[0] >> 6) & 0x03030303u) << 4,
      words[1] & 0x3F3F3F3Fu,
      ((words[2] >> 4) & 0x0F0F0F0Fu) | ((words[1] >> 6) & 0x03030303u) << 4,
  };
  const hn::FixedTag<uint64_t, 2> d64;
  return hn::BitCast(DI8x16(),
                     hn::InterleaveLower(hn::Set(d64, codes[0] | uint64_t{codes[1]} << 32),
                                         hn::Set(d64, codes[2] | uint64_t{codes[3]} << 32)));
}

// Words of the even and of the odd bytes, with their signs.
HWY_INLINE VI16 EvenBytes(VI16 words) { return hn::ShiftRight<8>(hn::ShiftLeft<8>(words)); }
HWY_INLINE VI16 OddBytes(VI16 words) { return hn::ShiftRight<8>(words); }

#endif  // GGUF_HAVE_DOT

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_INL_H_
