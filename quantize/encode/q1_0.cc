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

// One block per lane for the sums, two vectors at a time: each sum is a chain of additions.
void EncodeQ1_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                    uint8_t* HWY_RESTRICT out) {
  constexpr size_t kMaxLanes = 16;
  const hn::CappedTag<float, kMaxLanes> df;
  const size_t lanes = hn::Lanes(df);
  auto* blocks = reinterpret_cast<BlockQ1_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float transposed[2][kValues * kMaxLanes];
  HWY_ALIGN float scales[2 * kMaxLanes];
  const auto count_inverse = hn::Set(df, 1.0f / static_cast<float>(kValues));  // a power of two
  for (size_t first = 0; first < num_blocks; first += 2 * lanes) {
    const size_t count = HWY_MIN(2 * lanes, num_blocks - first);
    const float* HWY_RESTRICT x = rows + first * kValues;
    // Without blocks for the second vector, the last one again.
    const size_t second = HWY_MIN(lanes, count - 1);
    LoadBlocksToLanes(df, x, kValues, HWY_MIN(lanes, count), kValues, transposed[0]);
    LoadBlocksToLanes(df, x + second * kValues, kValues, count - second, kValues, transposed[1]);
    auto sum0 = hn::Zero(df), sum1 = hn::Zero(df);
    HWY_UNROLL(8)
    for (size_t i = 0; i < kValues; ++i) {
      sum0 = hn::Add(sum0, hn::Abs(hn::Load(df, transposed[0] + i * lanes)));
      sum1 = hn::Add(sum1, hn::Abs(hn::Load(df, transposed[1] + i * lanes)));
    }
    hn::Store(hn::Mul(sum0, count_inverse), df, scales);
    hn::Store(hn::Mul(sum1, count_inverse), df, scales + lanes);
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
