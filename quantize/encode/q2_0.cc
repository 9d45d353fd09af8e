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
// The codes of one block. Four neighbours share a byte: as bytes they are a 32-bit lane.
template <class DF>
HWY_INLINE void StoreCodes(DF df, const float* HWY_RESTRICT x, float inverse,
                           uint8_t* HWY_RESTRICT out) {
  const hn::RebindToSigned<DF> di;
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint8_t, DF> d8;
  const hn::Repartition<uint32_t, decltype(d8)> d32;
  const hn::Rebind<uint8_t, decltype(d32)> d8_out;
  const auto id = hn::Set(df, inverse);
  const auto one = hn::Set(di, 1);
  for (size_t i = 0; i < BlockQ2_0::kValues; i += hn::Lanes(df)) {
    const auto code = AddTrit(di, hn::Mul(hn::LoadU(df, x + i), id), one, one);
    const auto c = hn::BitCast(d32, hn::U8FromU32(hn::BitCast(du, code)));
    const auto low = hn::Or(c, hn::ShiftRight<6>(c));
    const auto byte = hn::And(hn::Or(low, hn::ShiftRight<12>(low)), hn::Set(d32, 0xFF));
    hn::StoreU(hn::U8FromU32(byte), d8_out, out + i / 4);
  }
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
