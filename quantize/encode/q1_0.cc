#include "quantize/encode/q1_0.h"

#include <cmath>
#include <cstring>

#include "formats/codec/q1_0.h"
#include "gguf/base/float16.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q1_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/lanes-inl.h"

// Once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockQ1_0::kValues;

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q1_0_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Bit j of the result: x[j] >= 0.
template <class DF>
HWY_INLINE uint64_t SignsOf64(DF df, const float* HWY_RESTRICT x) {
  uint64_t signs = 0;
  HWY_UNROLL(16)
  for (size_t j = 0; j < 64; j += hn::Lanes(df)) {
    uint8_t bytes[8] = {};  // StoreMaskBits may write 8
    hn::StoreMaskBits(df, hn::Ge(hn::LoadU(df, x + j), hn::Zero(df)), bytes);
    signs |= uint64_t{bytes[0]} << j;
    if (hn::Lanes(df) > 8) signs |= uint64_t{bytes[1]} << (j + 8);
  }
  return signs;
}

// One block per lane for the sums.
void EncodeQ1_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                    uint8_t* HWY_RESTRICT out) {
  constexpr size_t kMaxLanes = 16;
  const hn::CappedTag<float, kMaxLanes> df;
  const size_t lanes = hn::Lanes(df);
  auto* blocks = reinterpret_cast<BlockQ1_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float transposed[kValues * kMaxLanes];
  HWY_ALIGN float scales[kMaxLanes];
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kValues;
    LoadBlocksToLanes(df, x, kValues, count, kValues, transposed);
    auto sum = hn::Zero(df);
    for (size_t i = 0; i < kValues; ++i) {
      sum = hn::Add(sum, hn::Abs(hn::Load(df, transposed + i * lanes)));
    }
    hn::Store(hn::Div(sum, hn::Set(df, static_cast<float>(kValues))), df, scales);
    for (size_t b = 0; b < count; ++b) {
      blocks[first + b].d = F32ToF16(scales[b]);
      for (size_t half = 0; half < 2; ++half) {
        const uint64_t signs = SignsOf64(df, x + b * kValues + half * 64);
        std::memcpy(blocks[first + b].qs + half * 8, &signs, 8);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ1_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ1_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    float sum = 0.0f;
    for (size_t i = 0; i < kValues; ++i) sum += std::fabs(x[i]);
    blocks[b].d = F32ToF16(sum / static_cast<float>(kValues));
    std::memset(blocks[b].qs, 0, sizeof(blocks[b].qs));
    for (size_t i = 0; i < kValues; ++i) {
      if (x[i] >= 0.0f) blocks[b].qs[i / 8] |= 1 << (i % 8);
    }
  }
}

HWY_EXPORT(EncodeQ1_0Impl);

void EncodeQ1_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ1_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
