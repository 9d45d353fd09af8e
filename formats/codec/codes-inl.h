// Sixteen codes at a time from packed bytes to floats: what the row decoders share.
//
// Every decoder reduces its block to vectors of 16 small integers and one scale each. The products
// are those of DecodeBlock, exact in all types but Q8_K, so the bits agree. A decoder is a template
// over where they go: to floats, or as they are to a CodeRow.

// Per-target include guard
#if defined(GGUF_TOOLCHAIN_FORMATS_CODEC_CODES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GGUF_TOOLCHAIN_FORMATS_CODEC_CODES_INL_H_
#undef GGUF_TOOLCHAIN_FORMATS_CODEC_CODES_INL_H_
#else
#define GGUF_TOOLCHAIN_FORMATS_CODEC_CODES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "formats/codec/code_row.h"
#include "gguf/base/float16.h"
#include "hwy/highway.h"

// Vectors of 16 bytes are needed; elsewhere rows are decoded by DecodeBlock.
#undef GGUF_HAVE_CODES
#undef GGUF_DECODE
#undef GGUF_UNPACK
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
#define GGUF_HAVE_CODES 0
#define GGUF_DECODE DecodeBlock
#define GGUF_UNPACK UnpackNothing
#else
#define GGUF_HAVE_CODES 1
#define GGUF_DECODE DecodeLanes
#define GGUF_UNPACK DecodeLanes
#endif

// For every type of a file: the row decoders of one instruction set, from the file's DecodeLanes,
// and the functions of rows.h that pick among them.
#define GGUF_DEFINE_ROW(type)                                               \
  void Row##type(const uint8_t* blocks, size_t num_values, float* out) {    \
    DecodeRow<Block##type, float*, GGUF_DECODE>(blocks, num_values, out);   \
  }                                                                         \
  void Codes##type(const uint8_t* blocks, size_t num_values, CodeRow out) { \
    DecodeRow<Block##type, CodeRow, GGUF_UNPACK>(blocks, num_values, out);  \
  }
#define GGUF_EXPORT_ROW(type)                                                   \
  HWY_EXPORT(Row##type);                                                        \
  void DecodeRow##type(const uint8_t* blocks, size_t num_values, float* out) {  \
    HWY_DYNAMIC_DISPATCH(Row##type)(blocks, num_values, out);                   \
  }                                                                             \
  HWY_EXPORT(Codes##type);                                                      \
  void UnpackRow##type(const uint8_t* blocks, size_t num_values, CodeRow out) { \
    HWY_DYNAMIC_DISPATCH(Codes##type)(blocks, num_values, out);                 \
  }

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if GGUF_HAVE_CODES

using DU8 = hn::FixedTag<uint8_t, 16>;
using DI8 = hn::FixedTag<int8_t, 16>;
using DU16 = hn::FixedTag<uint16_t, 8>;
using DU32 = hn::FixedTag<uint32_t, 4>;
using DU64 = hn::FixedTag<uint64_t, 2>;
using U8 = hn::Vec<DU8>;
using I8 = hn::Vec<DI8>;

HWY_INLINE U8 LoadBytes(const uint8_t* bytes) { return hn::LoadU(DU8(), bytes); }

HWY_INLINE I8 Signed(U8 codes) { return hn::BitCast(DI8(), codes); }

// As F16ToF32, by an instruction where there is one; Highway's own emulation knows no infinity.
HWY_INLINE float HalfToFloat(uint16_t half) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  const hn::FixedTag<float, 1> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> d16;
  const auto bits = hn::Set(hn::Rebind<uint16_t, decltype(d)>(), half);
  return hn::GetLane(hn::PromoteTo(d, hn::BitCast(d16, bits)));
#else
  return F16ToF32(half);
#endif
}

// codes - offset
HWY_INLINE I8 Minus(U8 codes, int8_t offset) {
  return hn::Sub(Signed(codes), hn::Set(DI8(), offset));
}

// The bits of every byte that `kMask` selects after moving bit kFrom to bit kTo.
template <int kFrom, int kTo, uint8_t kMask>
HWY_INLINE U8 Field(U8 bytes) {
  const auto words = hn::BitCast(DU16(), bytes);
  const auto mask = hn::Set(DU8(), kMask);
  if constexpr (kFrom > kTo) {
    return hn::And(hn::BitCast(DU8(), hn::ShiftRight<kFrom - kTo>(words)), mask);
  } else if constexpr (kFrom < kTo) {
    return hn::And(hn::BitCast(DU8(), hn::ShiftLeft<kTo - kFrom>(words)), mask);
  } else {
    return hn::And(bytes, mask);
  }
}

HWY_INLINE U8 LowNibbles(U8 bytes) { return Field<0, 0, 0x0F>(bytes); }
HWY_INLINE U8 HighNibbles(U8 bytes) { return Field<4, 0, 0x0F>(bytes); }

// Byte j is 0xFF where bit j of `bits` is set, else 0.
HWY_INLINE U8 MaskOfBits(uint16_t bits) {
  alignas(16) static constexpr uint8_t kByte[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  alignas(16) static constexpr uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                   1, 2, 4, 8, 16, 32, 64, 128};
  const U8 both = hn::BitCast(DU8(), hn::Set(DU16(), bits));
  const U8 spread = hn::TableLookupBytes(both, hn::Load(DU8(), kByte));
  const U8 bit = hn::Load(DU8(), kBit);
  return hn::VecFromMask(DU8(), hn::Eq(hn::And(spread, bit), bit));
}

// The levels of 16 codes below 16; `table` is aligned.
HWY_INLINE I8 Lookup(const int8_t* table, U8 codes) {
  return hn::TableLookupBytes(hn::Load(DI8(), table), Signed(codes));
}

template <bool kMinimum, class DF, class V>
HWY_INLINE void StorePart(DF df, V codes, float scale, float minimum, float* out) {
  const auto integers = hn::PromoteTo(hn::RebindToSigned<DF>(), codes);
  auto values = hn::Mul(hn::ConvertTo(df, integers), hn::Set(df, scale));
  if constexpr (kMinimum) values = hn::Sub(values, hn::Set(df, minimum));
  hn::StoreU(values, df, out);
}

// The codes in vectors of as many floats as the instruction set has, up to 16.
template <bool kMinimum, class V, class DF = hn::CappedTag<float, 16>>
HWY_INLINE void StoreParts(V codes, float scale, float minimum, float* out) {
  using D = hn::DFromV<V>;
  const DF df;
  if constexpr (hn::MaxLanes(DF()) == 16) {
    StorePart<kMinimum>(df, codes, scale, minimum, out);
  } else if constexpr (hn::MaxLanes(DF()) == 8) {
    StorePart<kMinimum>(df, hn::LowerHalf(codes), scale, minimum, out);
    StorePart<kMinimum>(df, hn::UpperHalf(hn::Half<D>(), codes), scale, minimum, out + 8);
  } else {
    using DQuarter = hn::Half<hn::Half<D>>;
    const auto low = hn::LowerHalf(codes);
    const auto high = hn::UpperHalf(hn::Half<D>(), codes);
    StorePart<kMinimum>(df, hn::LowerHalf(low), scale, minimum, out);
    StorePart<kMinimum>(df, hn::UpperHalf(DQuarter(), low), scale, minimum, out + 4);
    StorePart<kMinimum>(df, hn::LowerHalf(high), scale, minimum, out + 8);
    StorePart<kMinimum>(df, hn::UpperHalf(DQuarter(), high), scale, minimum, out + 12);
  }
}

// out[j] = codes[j] * scale
template <class V>
HWY_INLINE void StoreScaled(V codes, float scale, float* out) {
  StoreParts<false>(codes, scale, 0.0f, out);
}

// out[j] = codes[j] * scale - minimum
template <class V>
HWY_INLINE void StoreAffine(V codes, float scale, float minimum, float* out) {
  StoreParts<true>(codes, scale, minimum, out);
}

template <class V>
HWY_INLINE void StoreScaled(V codes, float scale, CodeRow out) {
  hn::StoreU(hn::BitCast(DI8(), codes), DI8(), out.codes);
  *out.scales = scale;
}

template <class V>
HWY_INLINE void StoreAffine(V codes, float scale, float minimum, CodeRow out) {
  StoreScaled(codes, scale, out);
  *out.minimums = minimum;
}

#endif  // GGUF_HAVE_CODES

// Where HasRowCodes() is false.
template <class Block>
HWY_INLINE void UnpackNothing(const Block&, CodeRow) {}

// Calls kDecode for every block of a row.
template <class Block, class Out, void (*kDecode)(const Block&, Out)>
HWY_INLINE void DecodeRow(const uint8_t* blocks, size_t num_values, Out out) {
  const Block* block = reinterpret_cast<const Block*>(blocks);
  for (size_t i = 0; i < num_values; i += Block::kValues) kDecode(*block++, out + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
