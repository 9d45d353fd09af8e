#include "quantize/encode/q2_0.h"

#include <cstring>

#include "formats/codec/q2_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/ternary.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q2_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/magnitude-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// The 128-bit blocks of v, or'ed.
template <class DI>
HWY_INLINE hn::Vec128<int32_t> OrOfBlocks(DI di, hn::Vec<DI> v) {
  if constexpr (hn::MaxLanes(di) > 4) {
    const hn::Half<DI> half;
    return OrOfBlocks(half, hn::Or(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

// The codes of one block: four neighbours share a byte. Byte k of lane 4q + c is made of value
// 16k + 4q + c, at its place within byte 4k + q of the result.
template <class DF>
HWY_INLINE void StoreCodes(DF df, const float* HWY_RESTRICT x, float inverse,
                           uint8_t* HWY_RESTRICT out) {
  const hn::RebindToSigned<DF> di;
  const hn::Full128<int32_t> d32;
  const hn::Full128<uint8_t> d8;
  alignas(16) static constexpr int32_t kUnits[4] = {1, 4, 16, 64};
  alignas(64) static constexpr int32_t kDiagonal[16] = {-1, 0, 0,  0, 0, -1, 0, 0,
                                                        0,  0, -1, 0, 0, 0,  0, -1};
  alignas(16) static constexpr uint8_t kTranspose[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                         2, 6, 10, 14, 3, 7, 11, 15};
  const auto id = hn::Set(df, inverse);
  const auto unit0 = hn::LoadDup128(di, kUnits);
  const auto unit1 = hn::ShiftLeft<8>(unit0);
  const auto unit2 = hn::ShiftLeft<16>(unit0);
  const auto unit3 = hn::ShiftLeft<24>(unit0);
  const auto middle = hn::Or(hn::Or(unit0, unit1), hn::Or(unit2, unit3));
  auto all = hn::Zero(d32);
  for (size_t j = 0; j < 16; j += hn::Lanes(df)) {
    auto sum = AddTrit(di, hn::Mul(hn::LoadU(df, x + j), id), unit0, middle);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, x + 16 + j), id), unit1, sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, x + 32 + j), id), unit2, sum);
    sum = AddTrit(di, hn::Mul(hn::LoadU(df, x + 48 + j), id), unit3, sum);
    sum = hn::Or(sum, hn::Shuffle1032(sum));
    sum = hn::Or(sum, hn::Shuffle2301(sum));
    all = hn::Or(all, OrOfBlocks(di, hn::And(sum, hn::LoadU(di, kDiagonal + j))));
  }
  hn::StoreU(hn::TableLookupBytes(hn::BitCast(d8, all), hn::Load(d8, kTranspose)), d8, out);
}
#endif

void EncodeQ2_0Impl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                    const float* weights, uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  EncodeQ2_0Reference(rows, num_rows, columns, weights, out);
#else
  (void)weights;
  const hn::CappedTag<float, 16> df;
  auto* blocks = reinterpret_cast<BlockQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* HWY_RESTRICT x = rows + b * BlockQ2_0::kValues;
    const float d = LargestMagnitudeOf<BlockQ2_0::kValues>(df, x);
    const float inverse = InverseOrZero(d);
    blocks[b].d = F32ToF16(d);
    StoreCodes(df, x, inverse, blocks[b].qs);
    if (HWY_UNLIKELY(d > 0.0f && inverse == 0.0f)) {
      std::memset(blocks[b].qs, 0, sizeof(blocks[b].qs));
    }
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeQ2_0Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ2_0*>(out);
  const size_t num_blocks = num_rows * columns / BlockQ2_0::kValues;
  for (size_t b = 0; b < num_blocks; ++b) {
    const float* x = rows + b * BlockQ2_0::kValues;
    const float d = LargestMagnitude(x, BlockQ2_0::kValues);
    const float inverse = InverseOrZero(d);
    const bool has_no_inverse = d > 0.0f && inverse == 0.0f;
    blocks[b].d = F32ToF16(d);
    for (int i = 0; i < 16; ++i) {
      int byte = 0;
      for (int c = 0; c < 4 && !has_no_inverse; ++c) {
        byte |= (Trit(x[4 * i + c] * inverse) + 1) << (2 * c);
      }
      blocks[b].qs[i] = static_cast<uint8_t>(byte);
    }
  }
}

HWY_EXPORT(EncodeQ2_0Impl);

void EncodeQ2_0(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ2_0Impl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
