#include "formats/codec/float_convert.h"

#include <cmath>
#include <cstring>

#include "gguf/base/float16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/float_convert.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"

// With F16C, binary16 is converted by one instruction. It differs from float16.h only for NaN,
// which it quiets and whose payload it keeps.
#undef GGUF_HAVE_F16C
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
#define GGUF_HAVE_F16C 1
#else
#define GGUF_HAVE_F16C 0
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One-lane "vectors" gain nothing and may not be loaded from any address.
constexpr bool kVectors = HWY_TARGET != HWY_SCALAR;

template <class T>
HWY_INLINE T LoadOne(const uint8_t* in, size_t i) {
  T value;
  std::memcpy(&value, in + i * sizeof(T), sizeof(T));
  return value;
}

HWY_INLINE void StoreOne(uint16_t value, size_t i, uint8_t* out) {
  std::memcpy(out + i * sizeof(value), &value, sizeof(value));
}

// ---- 16 bits to 32, one vector of floats

using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using DU16 = hn::Rebind<uint16_t, DF>;
using VF = hn::Vec<DF>;

// F16ToF32 in every lane.
HWY_INLINE VF F16Lanes(const uint16_t* in) {
  const DF df;
  const DI di;
  const auto half = hn::PromoteTo(di, hn::LoadU(DU16(), in));
  const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(di, 0x8000)));
  const auto magnitude = hn::And(half, hn::Set(di, 0x7FFF));
  // Zero or subnormal: magnitude * 2^-24.
  const auto small =
      hn::BitCast(di, hn::Mul(hn::ConvertTo(df, magnitude), hn::Set(df, 5.9604644775390625e-08f)));
  const auto bias = hn::Set(di, 112 << 23);
  const auto normal = hn::Add(hn::ShiftLeft<13>(magnitude), bias);
  const auto special = hn::VecFromMask(di, hn::Gt(magnitude, hn::Set(di, 0x7BFF)));
  const auto large = hn::Add(normal, hn::And(special, bias));
  const auto bits = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x0400)), small, large);
  return hn::BitCast(df, hn::Or(bits, sign));
}

void DecodeF16Lanes(const uint8_t* in, size_t num_values, float* HWY_RESTRICT out) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  const uint16_t* halves = reinterpret_cast<const uint16_t*>(in);
  size_t i = 0;
#if GGUF_HAVE_F16C
  const hn::ScalableTag<uint16_t> d16;
  const hn::RebindToSigned<decltype(d16)> di16;
  const hn::Rebind<hwy::float16_t, DF> df16;
  for (; i + 2 * lanes <= num_values; i += 2 * lanes) {
    const auto both = hn::LoadU(d16, halves + i);
    const auto magnitude = hn::BitCast(di16, hn::And(both, hn::Set(d16, 0x7FFF)));
    if (HWY_LIKELY(hn::AllFalse(di16, hn::Gt(magnitude, hn::Set(di16, 0x7C00))))) {
      const auto low = hn::BitCast(df16, hn::LowerHalf(both));
      const auto high = hn::BitCast(df16, hn::UpperHalf(hn::Half<decltype(d16)>(), both));
      hn::StoreU(hn::PromoteTo(df, low), df, out + i);
      hn::StoreU(hn::PromoteTo(df, high), df, out + i + lanes);
    } else {
      hn::StoreU(F16Lanes(halves + i), df, out + i);
      hn::StoreU(F16Lanes(halves + i + lanes), df, out + i + lanes);
    }
  }
#endif
  for (; kVectors && i + lanes <= num_values; i += lanes)
    hn::StoreU(F16Lanes(halves + i), df, out + i);
  for (; i < num_values; ++i) out[i] = F16ToF32(LoadOne<uint16_t>(in, i));
}

void DecodeBF16Lanes(const uint8_t* in, size_t num_values, float* HWY_RESTRICT out) {
  const DF df;
  const DU du;
  const size_t lanes = hn::Lanes(df);
  const uint16_t* words = reinterpret_cast<const uint16_t*>(in);
  size_t i = 0;
  for (; kVectors && i + lanes <= num_values; i += lanes) {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(DU16(), words + i)));
    hn::StoreU(hn::BitCast(df, bits), df, out + i);
  }
  for (; i < num_values; ++i) out[i] = BF16ToF32(LoadOne<uint16_t>(in, i));
}

// ---- 32 bits to 16

// F32ToF16 in every lane; the upper halves of the result are zero.
HWY_INLINE hn::Vec<DI> F16BitsLanes(VF values) {
  const DF df;
  const DI di;
  const auto bits = hn::BitCast(di, values);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
  const auto sign =
      hn::And(hn::BitCast(di, hn::ShiftRight<16>(hn::BitCast(DU(), bits))), hn::Set(di, 0x8000));
  const auto shifted = hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5f));
  const auto small = hn::Sub(hn::BitCast(di, shifted), hn::Set(di, 0x3F000000));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
  const auto rounded = hn::Add(hn::Add(magnitude, odd), hn::Set(di, 0xFFF - 0x38000000));
  auto result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)), small,
                               hn::ShiftRight<13>(rounded));
  result = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x477FEFFF)), hn::Set(di, 0x7C00), result);
  result = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7F800000)), hn::Set(di, 0x7E00), result);
  return hn::Or(result, sign);
}

HWY_INLINE void StoreHalves(hn::Vec<DI> bits, uint16_t* out) {
  hn::StoreU(hn::TruncateTo(DU16(), hn::BitCast(DU(), bits)), DU16(), out);
}

void EncodeF16Lanes(const float* in, size_t num_values, uint8_t* HWY_RESTRICT out) {
  const DF df;
  const size_t lanes = hn::Lanes(df);
  uint16_t* halves = reinterpret_cast<uint16_t*>(out);
  size_t i = 0;
#if GGUF_HAVE_F16C
  const hn::Rebind<hwy::float16_t, DF> df16;
  for (; i + 2 * lanes <= num_values; i += 2 * lanes) {
    const auto low = hn::LoadU(df, in + i);
    const auto high = hn::LoadU(df, in + i + lanes);
    if (HWY_LIKELY(hn::AllFalse(df, hn::Or(hn::IsNaN(low), hn::IsNaN(high))))) {
      hn::StoreU(hn::BitCast(DU16(), hn::DemoteTo(df16, low)), DU16(), halves + i);
      hn::StoreU(hn::BitCast(DU16(), hn::DemoteTo(df16, high)), DU16(), halves + i + lanes);
    } else {
      StoreHalves(F16BitsLanes(low), halves + i);
      StoreHalves(F16BitsLanes(high), halves + i + lanes);
    }
  }
#endif
  for (; kVectors && i + lanes <= num_values; i += lanes) {
    StoreHalves(F16BitsLanes(hn::LoadU(df, in + i)), halves + i);
  }
  for (; i < num_values; ++i) StoreOne(F32ToF16(in[i]), i, out);
}

// F32ToBF16 in the upper half of every lane; NaN is not rounded but made quiet.
HWY_INLINE hn::Vec<DU> RoundToBF16(hn::Vec<DU> bits) {
  const DU du;
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  return hn::Add(hn::Add(bits, odd), hn::Set(du, 0x7FFF));
}

HWY_INLINE hn::Vec<DU> RoundToBF16OrQuiet(VF values) {
  const DU du;
  const auto bits = hn::BitCast(du, values);
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(values)), quiet, RoundToBF16(bits));
}

void EncodeBF16Lanes(const float* in, size_t num_values, uint8_t* HWY_RESTRICT out) {
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const DF df;
  const DU du;
  const hn::ScalableTag<uint16_t> d16;
  const size_t lanes = hn::Lanes(df);
  uint16_t* halves = reinterpret_cast<uint16_t*>(out);
  for (; i + 2 * lanes <= num_values; i += 2 * lanes) {
    const auto low = hn::LoadU(df, in + i);
    const auto high = hn::LoadU(df, in + i + lanes);
    auto low_bits = RoundToBF16(hn::BitCast(du, low));
    auto high_bits = RoundToBF16(hn::BitCast(du, high));
    if (HWY_UNLIKELY(!hn::AllFalse(df, hn::Or(hn::IsNaN(low), hn::IsNaN(high))))) {
      low_bits = RoundToBF16OrQuiet(low);
      high_bits = RoundToBF16OrQuiet(high);
    }
    const auto both = hn::ConcatOdd(d16, hn::BitCast(d16, high_bits), hn::BitCast(d16, low_bits));
    hn::StoreU(both, d16, halves + i);
  }
#endif
  for (; i < num_values; ++i) StoreOne(F32ToBF16(in[i]), i, out);
}

// ---- Integers and doubles

template <class T>
HWY_INLINE void DecodeIntegers(const uint8_t* in, size_t num_values, float* HWY_RESTRICT out) {
  const DF df;
  const DI di;
  const hn::Rebind<T, DF> d;
  const size_t lanes = hn::Lanes(df);
  const T* integers = reinterpret_cast<const T*>(in);
  size_t i = 0;
  for (; kVectors && i + lanes <= num_values; i += lanes) {
    const auto values = hn::LoadU(d, integers + i);
    if constexpr (sizeof(T) == 4) {
      hn::StoreU(hn::ConvertTo(df, values), df, out + i);
    } else {
      hn::StoreU(hn::ConvertTo(df, hn::PromoteTo(di, values)), df, out + i);
    }
  }
  for (; i < num_values; ++i) out[i] = static_cast<float>(LoadOne<T>(in, i));
}

void DecodeI8Lanes(const uint8_t* in, size_t num_values, float* out) {
  DecodeIntegers<int8_t>(in, num_values, out);
}

void DecodeI16Lanes(const uint8_t* in, size_t num_values, float* out) {
  DecodeIntegers<int16_t>(in, num_values, out);
}

void DecodeI32Lanes(const uint8_t* in, size_t num_values, float* out) {
  DecodeIntegers<int32_t>(in, num_values, out);
}

// ---- Search

// Index of the first value whose exponent has all bits of kExponent set. T: the bits as a signed
// integer of the value's size.
template <class T, T kExponent>
HWY_INLINE size_t FindFullExponent(const uint8_t* in, size_t num_values) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const T* values = reinterpret_cast<const T*>(in);
  const auto exponent = hn::Set(d, kExponent);
  size_t i = 0;
  // The largest exponent of four vectors tells whether to look closer.
  for (; kVectors && i + 4 * lanes <= num_values; i += 4 * lanes) {
    const auto exponents = [&](size_t k) HWY_ATTR {
      return hn::And(hn::LoadU(d, values + i + k * lanes), exponent);
    };
    const auto largest =
        hn::Max(hn::Max(exponents(0), exponents(1)), hn::Max(exponents(2), exponents(3)));
    if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Eq(largest, exponent)))) break;
  }
  for (; i < num_values; ++i) {
    if ((LoadOne<T>(in, i) & kExponent) == kExponent) return i;
  }
  return num_values;
}

size_t FindF32Lanes(const uint8_t* in, size_t num_values) {
  return FindFullExponent<int32_t, 0x7F800000>(in, num_values);
}

size_t FindF16Lanes(const uint8_t* in, size_t num_values) {
  return FindFullExponent<int16_t, 0x7C00>(in, num_values);
}

size_t FindBF16Lanes(const uint8_t* in, size_t num_values) {
  return FindFullExponent<int16_t, 0x7F80>(in, num_values);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

#define GGUF_EXPORT_CONVERSION(name, In, Out)               \
  HWY_EXPORT(name##Lanes);                                  \
  void name(const In* in, size_t num_values, Out* out) {    \
    HWY_DYNAMIC_DISPATCH(name##Lanes)(in, num_values, out); \
  }
GGUF_EXPORT_CONVERSION(DecodeF16, uint8_t, float)
GGUF_EXPORT_CONVERSION(DecodeBF16, uint8_t, float)
GGUF_EXPORT_CONVERSION(DecodeI8, uint8_t, float)
GGUF_EXPORT_CONVERSION(DecodeI16, uint8_t, float)
GGUF_EXPORT_CONVERSION(DecodeI32, uint8_t, float)
GGUF_EXPORT_CONVERSION(EncodeF16, float, uint8_t)
GGUF_EXPORT_CONVERSION(EncodeBF16, float, uint8_t)
#undef GGUF_EXPORT_CONVERSION

void DecodeF32(const uint8_t* in, size_t num_values, float* out) {
  if (num_values != 0) std::memcpy(out, in, num_values * sizeof(float));
}

namespace {

// No model's weights are 64 bits wide: the compiler's code will do.
template <class T>
T Load64(const uint8_t* in, size_t i) {
  T value;
  std::memcpy(&value, in + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

void DecodeF64(const uint8_t* in, size_t num_values, float* out) {
  for (size_t i = 0; i < num_values; ++i) out[i] = static_cast<float>(Load64<double>(in, i));
}

void DecodeI64(const uint8_t* in, size_t num_values, float* out) {
  for (size_t i = 0; i < num_values; ++i) out[i] = static_cast<float>(Load64<int64_t>(in, i));
}

size_t FindNonFiniteF64(const uint8_t* values, size_t num_values) {
  for (size_t i = 0; i < num_values; ++i) {
    if (!std::isfinite(Load64<double>(values, i))) return i;
  }
  return num_values;
}

HWY_EXPORT(FindF32Lanes);
HWY_EXPORT(FindF16Lanes);
HWY_EXPORT(FindBF16Lanes);

size_t FindNonFiniteF32(const uint8_t* values, size_t num_values) {
  return HWY_DYNAMIC_DISPATCH(FindF32Lanes)(values, num_values);
}

size_t FindNonFinite(const float* values, size_t num_values) {
  return FindNonFiniteF32(reinterpret_cast<const uint8_t*>(values), num_values);
}

size_t FindNonFiniteF16(const uint8_t* values, size_t num_values) {
  return HWY_DYNAMIC_DISPATCH(FindF16Lanes)(values, num_values);
}

size_t FindNonFiniteBF16(const uint8_t* values, size_t num_values) {
  return HWY_DYNAMIC_DISPATCH(FindBF16Lanes)(values, num_values);
}

}  // namespace gguf
#endif  // HWY_ONCE
