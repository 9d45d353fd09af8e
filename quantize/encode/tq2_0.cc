#include "quantize/encode/tq2_0.h"

#include "formats/codec/tq2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/tq2_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/magnitude-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void EncodeTQ2_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns, const float*,
                     uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> df;
  const hn::RebindToSigned<decltype(df)> di;
  auto* blocks = reinterpret_cast<BlockTQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockTQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* HWY_RESTRICT x = rows + b * BlockTQ2_0::kValues;
    const float d = LargestMagnitudeOf<BlockTQ2_0::kValues>(df, x);
    const auto id = hn::Set(df, InverseOrZero(d));
    blocks[b].d = F32ToF16(d);
    for (size_t h = 0; h < 2; ++h) {
      for (size_t l = 0; l < 32; l += hn::Lanes(df)) {
        const float* HWY_RESTRICT q = x + 128 * h + l;
        auto byte = hn::Set(di, 0b01010101);
        byte = AddTrit(di, hn::Mul(hn::LoadU(df, q), id), hn::Set(di, 1), byte);
        byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 32), id), hn::Set(di, 4), byte);
        byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 64), id), hn::Set(di, 16), byte);
        byte = AddTrit(di, hn::Mul(hn::LoadU(df, q + 96), id), hn::Set(di, 64), byte);
        StoreBytes(di, byte, blocks[b].qs + 32 * h + l);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeTQ2_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                          uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockTQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockTQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockTQ2_0::kValues;
    const float d = LargestMagnitude(x, BlockTQ2_0::kValues);
    const float id = InverseOrZero(d);
    blocks[b].d = F32ToF16(d);
    for (int i = 0; i < 64; ++i) {
      const float* q = x + i / 32 * 128 + i % 32;
      int byte = 0;
      for (int c = 0; c < 4; ++c) byte |= (Trit(q[32 * c] * id) + 1) << (2 * c);
      blocks[b].qs[i] = static_cast<uint8_t>(byte);
    }
  }
}

HWY_EXPORT(EncodeTQ2_0Impl);

void EncodeTQ2_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeTQ2_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
