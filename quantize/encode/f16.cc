#include "quantize/encode/f16.h"

#include <cstring>

#include "gguf/base/float16.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/f16.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/float16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeF16Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                   uint8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  auto* HWY_RESTRICT halves = reinterpret_cast<uint16_t*>(out);
  const size_t num_values = num_rows * columns;
  const size_t lanes = hn::Lanes(df);
  size_t i = 0;
  for (; i + lanes <= num_values; i += lanes) {
    hn::StoreU(hn::DemoteTo(d16, F16Bits(df, hn::LoadU(df, rows + i))), d16, halves + i);
  }
  EncodeF16Reference(rows + i, 1, num_values - i, nullptr, out + i * sizeof(uint16_t));
}

void EncodeBF16Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                    uint8_t* HWY_RESTRICT out) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di;
  const hn::Rebind<uint16_t, decltype(df)> d16;
  auto* HWY_RESTRICT halves = reinterpret_cast<uint16_t*>(out);
  const size_t num_values = num_rows * columns;
  const size_t lanes = hn::Lanes(df);
  size_t i = 0;
  for (; i + lanes <= num_values; i += lanes) {
    const auto bits = hn::BitCast(di, BF16Bits(df, hn::LoadU(df, rows + i)));
    hn::StoreU(hn::DemoteTo(d16, bits), d16, halves + i);
  }
  EncodeBF16Reference(rows + i, 1, num_values - i, nullptr, out + i * sizeof(uint16_t));
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeF32(const float* rows, size_t num_rows, size_t columns, const float*, uint8_t* out) {
  std::memcpy(out, rows, num_rows * columns * sizeof(float));
}

void EncodeF16Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                        uint8_t* out) {
  for (size_t i = 0; i < num_rows * columns; ++i) {
    const uint16_t half = F32ToF16(rows[i]);
    std::memcpy(out + i * sizeof(half), &half, sizeof(half));
  }
}

void EncodeBF16Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  for (size_t i = 0; i < num_rows * columns; ++i) {
    const uint16_t half = F32ToBF16(rows[i]);
    std::memcpy(out + i * sizeof(half), &half, sizeof(half));
  }
}

HWY_EXPORT(EncodeF16Impl);

void EncodeF16(const float* rows, size_t num_rows, size_t columns, const float* weights,
               uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeF16Impl)(rows, num_rows, columns, weights, out);
}

HWY_EXPORT(EncodeBF16Impl);

void EncodeBF16(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeBF16Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
