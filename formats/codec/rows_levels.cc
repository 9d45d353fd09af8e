// Row decoders of the types whose 4-bit codes index a table of levels: IQ4, MXFP4, NVFP4.

#include "formats/codec/iq4_nl.h"
#include "formats/codec/iq4_xs.h"
#include "formats/codec/mxfp4.h"
#include "formats/codec/nvfp4.h"
#include "formats/codec/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "formats/codec/rows_levels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "formats/codec/codes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#if GGUF_HAVE_CODES

// 16 bytes: low nibbles are values 0 to 15, high nibbles 16 to 31.
template <class Out>
HWY_INLINE void StoreLevels(const int8_t* table, const uint8_t* qs, float scale, Out out) {
  const U8 bytes = LoadBytes(qs);
  StoreScaled(Lookup(table, LowNibbles(bytes)), scale, out);
  StoreScaled(Lookup(table, HighNibbles(bytes)), scale, out + 16);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ4_NL& block, Out out) {
  StoreLevels(kIq4nl, block.qs, HalfToFloat(block.d), out);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockIQ4_XS& block, Out out) {
  const float d = HalfToFloat(block.d);
  for (int g = 0; g < 8; ++g) {
    const float scale = d * static_cast<float>(IQ4_XSScale(block, g));
    StoreLevels(kIq4nl, block.qs + 16 * g, scale, out + 32 * g);
  }
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockMXFP4& block, Out out) {
  StoreLevels(kFp4E2m1X2, block.qs, E8M0Half(block.e), out);
}

template <class Out>
HWY_INLINE void DecodeLanes(const BlockNVFP4& block, Out out) {
  for (int s = 0; s < 4; s += 2) {
    const U8 bytes = LoadBytes(block.qs + 8 * s);
    const auto low = hn::BitCast(DU64(), LowNibbles(bytes));
    const auto high = hn::BitCast(DU64(), HighNibbles(bytes));
    const U8 first = hn::BitCast(DU8(), hn::InterleaveLower(DU64(), low, high));
    const U8 second = hn::BitCast(DU8(), hn::InterleaveUpper(DU64(), low, high));
    StoreScaled(Lookup(kFp4E2m1X2, first), UE4M3Half(block.d[s]), out + 16 * s);
    StoreScaled(Lookup(kFp4E2m1X2, second), UE4M3Half(block.d[s + 1]), out + 16 * s + 16);
  }
}

#endif  // GGUF_HAVE_CODES

#define GGUF_ROW_TYPES(X) X(IQ4_NL) X(IQ4_XS) X(MXFP4) X(NVFP4)
GGUF_ROW_TYPES(GGUF_DEFINE_ROW)

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
GGUF_ROW_TYPES(GGUF_EXPORT_ROW)
}  // namespace gguf
#endif  // HWY_ONCE
