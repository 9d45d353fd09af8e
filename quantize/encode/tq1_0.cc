#include "quantize/encode/tq1_0.h"

#include "formats/codec/tq1_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/tq1_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/magnitude-inl.h"

// Once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_ONCE
namespace gguf {
namespace {

constexpr size_t kValues = BlockTQ1_0::kValues;

// Five digits, all 1: (81 + 27 + 9 + 3 + 1).
constexpr int kMiddle = 121;
// ceil(q * 256 / 243) is (q * kFactor + kOffset) >> kShift for five digits q.
constexpr int kFactor = 8631;
constexpr int kOffset = 8100;
constexpr int kShift = 13;

constexpr bool FractionIsExact() {
  for (int q = 0; q < 243; ++q) {
    if ((q * 256 + 242) / 243 != (q * kFactor + kOffset) >> kShift) return false;
  }
  return true;
}
static_assert(FractionIsExact(), "the quotient of every byte");

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_TQ1_0_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Bytes of `count` columns of kDigits digits, digit n of column j from x[n * count + j].
template <size_t kDigits, class DF>
HWY_INLINE void StoreDigits(DF df, const float* HWY_RESTRICT x, float inverse, size_t count,
                            uint8_t* HWY_RESTRICT out) {
  const hn::RebindToSigned<DF> di;
  const auto id = hn::Set(df, inverse);
  for (size_t j = 0; j < count; j += hn::Lanes(df)) {
    const float* HWY_RESTRICT q = x + j;
    // A missing fifth digit is 0, not the middle.
    auto sum = hn::Set(di, kDigits == 5 ? kMiddle : kMiddle - 1);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q), id), hn::Set(di, 81), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + count), id), hn::Set(di, 27), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 2 * count), id), hn::Set(di, 9), sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 3 * count), id), hn::Set(di, 3), sum);
    if (kDigits == 5) {
      sum = AddTrit(di, hn::Mul(hn::LoadU(df, q + 4 * count), id), hn::Set(di, 1), sum);
    }
    const auto scaled = hn::Add(hn::Mul(sum, hn::Set(di, kFactor)), hn::Set(di, kOffset));
    StoreBytes(di, hn::ShiftRight<kShift>(scaled), out + j);
  }
}

void EncodeTQ1_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                     uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> df;
  const hn::CappedTag<float, 4> d4;
  auto* blocks = reinterpret_cast<BlockTQ1_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* HWY_RESTRICT x = rows + b * kValues;
    const float d = LargestMagnitudeOf<kValues>(df, x);
    const float inverse = InverseOrZero(d);
    StoreDigits<5>(df, x, inverse, 32, blocks[b].qs);
    StoreDigits<5>(df, x + 160, inverse, 16, blocks[b].qs + 32);
    StoreDigits<4>(d4, x + 240, inverse, 4, blocks[b].qh);
    blocks[b].d = F32ToF16(d);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// The byte of num_digits digits, `stride` values apart.
uint8_t Digits(const float* x, float inverse, int num_digits, int stride) {
  int sum = 0;
  for (int n = 0; n < 5; ++n) {
    sum = 3 * sum + (n < num_digits ? Trit(x[n * stride] * inverse) + 1 : 0);
  }
  return static_cast<uint8_t>((sum * 256 + 242) / 243);
}

}  // namespace

void EncodeTQ1_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockTQ1_0*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * kValues;
    const float d = LargestMagnitude(x, kValues);
    const float inverse = InverseOrZero(d);
    for (int j = 0; j < 32; ++j) blocks[b].qs[j] = Digits(x + j, inverse, 5, 32);
    for (int j = 0; j < 16; ++j) blocks[b].qs[32 + j] = Digits(x + 160 + j, inverse, 5, 16);
    for (int j = 0; j < 4; ++j) blocks[b].qh[j] = Digits(x + 240 + j, inverse, 4, 4);
    blocks[b].d = F32ToF16(d);
  }
}

HWY_EXPORT(EncodeTQ1_0Impl);

void EncodeTQ1_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeTQ1_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
