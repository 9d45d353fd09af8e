#include "quantize/encode/q8_0.h"

#include <cmath>

#include "formats/codec/q8_0.h"
#include "gguf/base/float16.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q8_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

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

void EncodeQ8_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                    uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<float, BlockQ8_0::kValues> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<int8_t, decltype(df)> d8;
  auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ8_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* HWY_RESTRICT x = rows + b * BlockQ8_0::kValues;
    const float d = LargestMagnitude(df, x) / 127.0f;
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    blocks[b].d = F32ToF16(d);
    // A factor 0 gives the codes 0 that an infinite inverse has.
    const auto id = hn::Set(df, std::isinf(inverse) ? 0.0f : inverse);
    for (size_t i = 0; i < BlockQ8_0::kValues; i += hn::Lanes(df)) {
      const auto v = hn::Mul(hn::LoadU(df, x + i), id);
      const auto rounded = hn::Add(v, hn::CopySignToAbs(hn::Set(df, kBelowHalf), v));
      hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, rounded)), d8, blocks[b].qs + i);
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
