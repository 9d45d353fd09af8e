#include "quantize/encode/q8_0.h"

#include <cmath>

#include "formats/codec/q8_0.h"
#include "gguf/base/float16.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q8_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/float16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The largest float below 0.5: adding it and truncating rounds half away from zero exactly, where
// adding 0.5 would round the float below 0.5 up.
constexpr float kBelowHalf = 0x1.fffffep-2f;

// Largest |x| of 32 values.
template <class DF>
HWY_INLINE float LargestMagnitude(DF df, const float* HWY_RESTRICT x) {
  auto amax = hn::Abs(hn::LoadU(df, x));
  for (size_t i = hn::Lanes(df); i < BlockQ8_0::kValues; i += hn::Lanes(df)) {
    amax = hn::Max(amax, hn::Abs(hn::LoadU(df, x + i)));
  }
  return hn::GetLane(hn::MaxOfLanes(df, amax));
}

// Codes of one block.
template <class DF>
HWY_INLINE void StoreCodes(DF df, const float* HWY_RESTRICT x, float inverse, int8_t* codes) {
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<int8_t, DF> d8;
  const auto id = hn::Set(df, inverse);
  for (size_t i = 0; i < BlockQ8_0::kValues; i += hn::Lanes(df)) {
    const auto v = hn::Mul(hn::LoadU(df, x + i), id);
    const auto rounded = hn::Add(v, hn::CopySignToAbs(hn::Set(df, kBelowHalf), v));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, rounded)), d8, codes + i);
  }
}

// 16 blocks in turn for every step, so that one division serves a vector of blocks.
void EncodeQ8_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                    uint8_t* HWY_RESTRICT out) {
  constexpr size_t kGroup = 16;
  const hn::CappedTag<float, kGroup> df;
  const hn::RebindToSigned<decltype(df)> di;
  const auto zero = hn::Zero(df);
  const auto largest_float = hn::Set(df, 3.4028234e38f);
  auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ8_0::kValues;
  HWY_ALIGN float amax[kGroup] = {};
  HWY_ALIGN float inverse[kGroup];
  HWY_ALIGN int32_t halves[kGroup];
  for (size_t first = 0; first < num_blocks; first += kGroup) {
    const size_t count = HWY_MIN(kGroup, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * BlockQ8_0::kValues;
    for (size_t b = 0; b < count; ++b) {
      amax[b] = LargestMagnitude(df, x + b * BlockQ8_0::kValues);
    }
    for (size_t b = 0; b < count; b += hn::Lanes(df)) {
      const auto d = hn::Div(hn::Load(df, amax + b), hn::Set(df, 127.0f));
      const auto id = hn::Div(hn::Set(df, 1.0f), d);
      // Zero blocks and infinite inverses: a factor 0 gives their codes 0.
      const auto usable = hn::And(hn::Gt(d, zero), hn::Le(id, largest_float));
      hn::Store(hn::IfThenElseZero(usable, id), df, inverse + b);
      hn::Store(F16Bits(df, d), di, halves + b);
    }
    for (size_t b = 0; b < count; ++b) {
      blocks[first + b].d = static_cast<uint16_t>(halves[b]);
      StoreCodes(df, x + b * BlockQ8_0::kValues, inverse[b], blocks[first + b].qs);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ8_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ8_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockQ8_0::kValues;
    float amax = 0.0f;
    for (int i = 0; i < BlockQ8_0::kValues; ++i) amax = std::fmax(amax, std::fabs(x[i]));
    const float d = amax / 127.0f;
    const float id = d != 0.0f ? 1.0f / d : 0.0f;
    blocks[b].d = F32ToF16(d);
    for (int i = 0; i < BlockQ8_0::kValues; ++i) {
      // The inverse of a subnormal d can be infinite; its codes are 0.
      blocks[b].qs[i] = std::isinf(id) ? 0 : static_cast<int8_t>(std::round(x[i] * id));
    }
  }
}

HWY_EXPORT(EncodeQ8_0Impl);

void EncodeQ8_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ8_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
