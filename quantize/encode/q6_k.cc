#include "quantize/encode/q6_k.h"

#include <cmath>
#include <cstring>

#include "formats/codec/q6_k.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/q6_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/signed_search-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_ONCE
namespace gguf {

namespace {

constexpr size_t kValues = BlockQ6_K::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_Q6_K_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Scales of the 16 sub-blocks of a block, and the inverses that give the codes of the search.
HWY_INLINE void SearchSubBlocks(LaneTag df, const float* HWY_RESTRICT x,
                                const float* HWY_RESTRICT importance, float* HWY_RESTRICT scales,
                                float* HWY_RESTRICT inverses) {
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN float xt[kSubValues * kMaxLanes];
  HWY_ALIGN float w[kSubValues * kMaxLanes];
  HWY_ALIGN float wx[kSubValues * kMaxLanes];
  for (size_t b = 0; b < kSubBlocks; b += lanes) {
    LoadBlocksToLanes(df, x + b * kSubValues, kSubValues, lanes, kSubValues, xt);
    if (importance != nullptr) {
      LoadBlocksToLanes(df, importance + b * kSubValues, kSubValues, lanes, kSubValues, w);
    }
    for (size_t i = 0; i < kSubValues; ++i) {
      const auto v = hn::LoadU(df, xt + i * lanes);
      const auto weight = importance != nullptr ? hn::LoadU(df, w + i * lanes) : hn::Mul(v, v);
      hn::StoreU(weight, df, w + i * lanes);
      hn::StoreU(hn::Mul(weight, v), df, wx + i * lanes);
    }
    hn::Vec<LaneTag> scale, inverse;
    SearchSignedLanes<32, kSubValues, true>(df, xt, w, wx, scale, inverse);
    hn::StoreU(scale, df, scales + b);
    hn::StoreU(inverse, df, inverses + b);
  }
}

// Bytes ql and qh from codes 0..63.
HWY_INLINE void PackCodes(const uint8_t* HWY_RESTRICT codes, uint8_t* HWY_RESTRICT ql,
                          uint8_t* HWY_RESTRICT qh) {
  const hn::CappedTag<uint8_t, 32> d8;
  const auto nibble = hn::Set(d8, 15);
  for (size_t h = 0; h < 2; ++h, codes += 128, ql += 64, qh += 32) {
    for (size_t l = 0; l < 32; l += hn::Lanes(d8)) {
      const auto c0 = hn::LoadU(d8, codes + l);
      const auto c1 = hn::LoadU(d8, codes + 32 + l);
      const auto c2 = hn::LoadU(d8, codes + 64 + l);
      const auto c3 = hn::LoadU(d8, codes + 96 + l);
      hn::StoreU(hn::Or(hn::And(c0, nibble), hn::ShiftLeft<4>(c2)), d8, ql + l);
      hn::StoreU(hn::Or(hn::And(c1, nibble), hn::ShiftLeft<4>(c3)), d8, ql + 32 + l);
      const auto high01 = hn::Or(hn::ShiftRight<4>(c0), hn::ShiftLeft<2>(hn::ShiftRight<4>(c1)));
      const auto high23 = hn::Or(hn::ShiftRight<4>(c2), hn::ShiftLeft<2>(hn::ShiftRight<4>(c3)));
      hn::StoreU(hn::Or(high01, hn::ShiftLeft<4>(high23)), d8, qh + l);
    }
  }
}

// Rounds the values against the stored scales of the block.
HWY_INLINE void CodesOfBlock(LaneTag df, const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT inverses, const BlockQ6_K& block,
                             uint8_t* HWY_RESTRICT codes) {
  const float d = F16ToF32(block.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float* HWY_RESTRICT sub = x + b * kSubValues;
    const float scale = d * static_cast<float>(block.scales[b]);
    if (HWY_UNLIKELY(scale == 0.0f)) {
      CodesByInverse<32>(df, sub, kSubValues, inverses[b], codes + b * kSubValues);
    } else {
      CodesByScale<32>(df, sub, scale, codes + b * kSubValues);
    }
  }
}

void EncodeQ6_KImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                    const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  const LaneTag df;
  const size_t lanes = hn::Lanes(df);
  auto* blocks = reinterpret_cast<BlockQ6_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  HWY_ALIGN float scales[kMaxLanes * kSubBlocks];
  HWY_ALIGN float inverses[kMaxLanes * kSubBlocks];
  HWY_ALIGN int8_t scale_codes[kMaxLanes * kSubBlocks];
  uint16_t d[kMaxLanes];
  HWY_ALIGN float magnitudes[kMaxLanes];
  size_t column = 0;
  for (size_t first = 0; first < num_blocks; first += lanes) {
    const size_t count = HWY_MIN(lanes, num_blocks - first);
    for (size_t n = 0; n < count; ++n) {
      SearchSubBlocks(df, rows + (first + n) * kValues,
                      weights != nullptr ? weights + column : nullptr, scales + n * kSubBlocks,
                      inverses + n * kSubBlocks);
      column = column + kValues == columns ? 0 : column + kValues;
    }
    QuantizeScalesLanes<128>(df, scales, count, scale_codes, d, magnitudes);
    for (size_t n = 0; n < count; ++n) {
      BlockQ6_K& block = blocks[first + n];
      if (magnitudes[n] < kTinyMagnitude) {
        std::memset(&block, 0, sizeof(block));
        continue;
      }
      block.d = d[n];
      std::memcpy(block.scales, scale_codes + n * kSubBlocks, kSubBlocks);
      HWY_ALIGN uint8_t codes[kValues];
      CodesOfBlock(df, rows + (first + n) * kValues, inverses + n * kSubBlocks, block, codes);
      PackCodes(codes, block.ql, block.qh);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// Block scale and 8-bit sub-scales. False when the block is zero.
bool QuantizeScales(const float* scales, BlockQ6_K& block) {
  const float largest = FirstLargest(scales, kSubBlocks);
  if (std::fabs(largest) < kTinyMagnitude) return false;
  const float inverse = -128.0f / largest;
  block.d = F32ToF16(1.0f / inverse);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const int32_t scale = RintByMagic(inverse * scales[b]);
    block.scales[b] = static_cast<int8_t>(scale < 127 ? scale : 127);
  }
  return true;
}

// Rounds again against the scales as they are stored; a sub-block whose scale became 0 keeps the
// codes of its search.
void RoundToStoredScales(const float* x, const BlockQ6_K& block, uint8_t* codes) {
  const float d = F16ToF32(block.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float scale = d * static_cast<float>(block.scales[b]);
    if (scale == 0.0f) continue;
    for (size_t i = b * kSubValues; i < (b + 1) * kSubValues; ++i) {
      codes[i] = static_cast<uint8_t>(ClampCode(RintByMagic(x[i] / scale), -32, 31) + 32);
    }
  }
}

void PackCodes(const uint8_t* codes, BlockQ6_K& block) {
  for (size_t h = 0; h < 2; ++h) {
    for (size_t l = 0; l < 32; ++l) {
      const uint8_t* q = codes + 128 * h + l;
      block.ql[64 * h + l] = (q[0] & 15) | (q[64] & 15) << 4;
      block.ql[64 * h + 32 + l] = (q[32] & 15) | (q[96] & 15) << 4;
      block.qh[32 * h + l] = q[0] >> 4 | (q[32] >> 4) << 2 | (q[64] >> 4) << 4 | (q[96] >> 4) << 6;
    }
  }
}

}  // namespace

void EncodeQ6_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ6_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    float scales[kSubBlocks];
    uint8_t codes[kValues];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      const size_t first = b * kSubValues;
      scales[b] = SearchSigned(kSubValues, 32, x + first,
                               importance != nullptr ? importance + first : nullptr, codes + first);
    }
    if (!QuantizeScales(scales, blocks[n])) {
      std::memset(&blocks[n], 0, sizeof(BlockQ6_K));
      continue;
    }
    RoundToStoredScales(x, blocks[n], codes);
    PackCodes(codes, blocks[n]);
  }
}

HWY_EXPORT(EncodeQ6_KImpl);

void EncodeQ6_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeQ6_KImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
