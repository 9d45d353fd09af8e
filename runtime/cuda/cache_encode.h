// Rows of keys and values in the types of a cache: what the encoders of quantize/encode write, by
// the same arithmetic in the same order, on host and device; and runs of them decoded.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_CACHE_ENCODE_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_CACHE_ENCODE_H_

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "formats/codec/iq4_nl.h"
#include "formats/codec/plain.h"
#include "formats/codec/q4_0.h"
#include "formats/codec/q4_1.h"
#include "formats/codec/q5_0.h"
#include "formats/codec/q5_1.h"
#include "formats/codec/q8_0.h"
#include "runtime/cuda/row_runs.h"

namespace gguf {
namespace device {

inline constexpr int kCacheBlock = 32;  // values that a thread encodes

// Ids of gguf/tensor_type.h, which device code does not include.
enum CacheType : uint32_t {
  kCacheF32 = 0,
  kCacheF16 = 1,
  kCacheQ4_0 = 2,
  kCacheQ4_1 = 3,
  kCacheQ5_0 = 6,
  kCacheQ5_1 = 7,
  kCacheQ8_0 = 8,
  kCacheIQ4_NL = 20,
  kCacheBF16 = 30,
};

GGUF_HOST_DEVICE inline void PackHalves(const uint8_t* codes, uint8_t* qs) {
  for (int j = 0; j < 16; ++j) {
    qs[j] = static_cast<uint8_t>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
  }
}

GGUF_HOST_DEVICE inline uint32_t FifthBits(const uint8_t* codes) {
  uint32_t bits = 0;
  for (int j = 0; j < kCacheBlock; ++j) bits |= static_cast<uint32_t>(codes[j] >> 4) << j;
  return bits;
}

// The first of the values with the largest magnitude, with its sign.
GGUF_HOST_DEVICE inline float LargestOf(const float* x) {
  float largest = 0.0f, magnitude = 0.0f;
  for (int j = 0; j < kCacheBlock; ++j) {
    if (fabsf(x[j]) > magnitude) {
      magnitude = fabsf(x[j]);
      largest = x[j];
    }
  }
  return largest;
}

GGUF_HOST_DEVICE inline float InverseOf(float scale) { return scale != 0.0f ? 1.0f / scale : 0.0f; }

// Codes around kMiddle; an infinite inverse gives codes 0.
template <int kMiddle>
GGUF_HOST_DEVICE inline float EncodeAround(const float* x, uint8_t* codes) {
  const float d = LargestOf(x) / -static_cast<float>(kMiddle);
  const float inverse = InverseOf(d);
  for (int j = 0; j < kCacheBlock; ++j) {
    const int code = fabsf(inverse) > FLT_MAX
                         ? 0
                         : static_cast<int>(x[j] * inverse + (static_cast<float>(kMiddle) + 0.5f));
    codes[j] = static_cast<uint8_t>(code < 2 * kMiddle - 1 ? code : 2 * kMiddle - 1);
  }
  return d;
}

struct AffineScale {
  float scale, minimum;
};

template <int kLast>
GGUF_HOST_DEVICE inline AffineScale EncodeFromMinimum(const float* x, uint8_t* codes) {
  float least = FLT_MAX, most = -FLT_MAX;
  for (int j = 0; j < kCacheBlock; ++j) {
    if (x[j] < least) least = x[j];
    if (x[j] > most) most = x[j];
  }
  const float d = (most - least) / static_cast<float>(kLast);
  const float inverse = InverseOf(d);
  for (int j = 0; j < kCacheBlock; ++j) {
    const float code = (x[j] - least) * inverse + 0.5f;
    codes[j] = !(code < FLT_MAX)                  ? 0
               : code > static_cast<float>(kLast) ? kLast
                                                  : static_cast<uint8_t>(code);
  }
  return {d, least};
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockQ4_0* block) {
  uint8_t codes[kCacheBlock];
  block->d = F32ToF16(EncodeAround<8>(x, codes));
  PackHalves(codes, block->qs);
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockQ5_0* block) {
  uint8_t codes[kCacheBlock];
  block->d = F32ToF16(EncodeAround<16>(x, codes));
  block->qh = FifthBits(codes);
  PackHalves(codes, block->qs);
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockQ4_1* block) {
  uint8_t codes[kCacheBlock];
  const AffineScale fit = EncodeFromMinimum<15>(x, codes);
  block->d = F32ToF16(fit.scale);
  block->m = F32ToF16(fit.minimum);
  PackHalves(codes, block->qs);
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockQ5_1* block) {
  uint8_t codes[kCacheBlock];
  const AffineScale fit = EncodeFromMinimum<31>(x, codes);
  block->d = F32ToF16(fit.scale);
  block->m = F32ToF16(fit.minimum);
  block->qh = FifthBits(codes);
  PackHalves(codes, block->qs);
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockQ8_0* block) {
  const float d = fabsf(LargestOf(x)) / 127.0f;
  const float inverse = InverseOf(d);
  block->d = F32ToF16(d);
  for (int j = 0; j < kCacheBlock; ++j) {
    block->qs[j] = inverse > FLT_MAX ? 0 : static_cast<int8_t>(roundf(x[j] * inverse));
  }
}

// The index of the level nearest to v, the upper one of two equally near.
GGUF_HOST_DEVICE inline int NearestIq4Level(float v) {
  if (v <= static_cast<float>(Iq4nl(0))) return 0;
  int m = 1;
  while (m < 15 && !(v < static_cast<float>(Iq4nl(m)))) ++m;
  if (v >= static_cast<float>(Iq4nl(15))) return 15;
  const float below = v - static_cast<float>(Iq4nl(m - 1));
  return below < static_cast<float>(Iq4nl(m)) - v ? m - 1 : m;
}

// Of 16 scales the one with the largest (sum of w x level)^2 / sum of w level^2, w = x^2.
GGUF_HOST_DEVICE inline float SearchIq4Scale(const float* x) {
  const float largest = LargestOf(x);
  if (fabsf(largest) < 1e-15f) return 0.0f;
  const float first_level = static_cast<float>(Iq4nl(0));
  float scale = 0.0f, best = 0.0f;
  for (int step = -8; step <= 7; ++step) {  // the first: without a step
    const float inverse = step == -8 ? 1.0f / (-largest / first_level)
                                     : (static_cast<float>(step) + first_level) / largest;
    float xl = 0.0f, l2 = 0.0f;
    for (int j = 0; j < kCacheBlock; ++j) {
      const float level = static_cast<float>(Iq4nl(NearestIq4Level(inverse * x[j])));
      const float weighted = x[j] * x[j] * level;
      xl += weighted * x[j];
      l2 += weighted * level;
    }
    const bool is_better = step == -8 ? l2 > 0.0f : l2 > 0.0f && xl * xl > best * l2;
    if (!is_better) continue;
    scale = xl / l2;
    best = scale * xl;
  }
  return scale;
}

GGUF_HOST_DEVICE inline void EncodeBlock(const float* x, BlockIQ4_NL* block) {
  const float scale = SearchIq4Scale(x);
  const float inverse = InverseOf(scale);
  uint8_t codes[kCacheBlock];
  for (int j = 0; j < kCacheBlock; ++j) {
    codes[j] = static_cast<uint8_t>(NearestIq4Level(x[j] * inverse));
  }
  block->d = F32ToF16(scale);
  PackHalves(codes, block->qs);
}

// Values [first, first + 32) of a row of `width`, fewer at its end (plain types only).
GGUF_HOST_DEVICE inline void EncodeCacheBlock(uint32_t type, const float* x, uint32_t first,
                                              uint32_t width, uint8_t* row) {
  const uint32_t end = width - first < kCacheBlock ? width : first + kCacheBlock;
  const uint32_t block = first / kCacheBlock;
  switch (type) {
    case kCacheF32:
      for (uint32_t i = first; i < end; ++i) reinterpret_cast<BlockF32*>(row)[i].value = x[i];
      break;
    case kCacheF16:
      for (uint32_t i = first; i < end; ++i) {
        reinterpret_cast<BlockF16*>(row)[i].value = F32ToF16(x[i]);
      }
      break;
    case kCacheBF16:
      for (uint32_t i = first; i < end; ++i) {
        reinterpret_cast<BlockBF16*>(row)[i].value = F32ToBF16(x[i]);
      }
      break;
    case kCacheQ4_0:
      return EncodeBlock(x + first, reinterpret_cast<BlockQ4_0*>(row) + block);
    case kCacheQ4_1:
      return EncodeBlock(x + first, reinterpret_cast<BlockQ4_1*>(row) + block);
    case kCacheQ5_0:
      return EncodeBlock(x + first, reinterpret_cast<BlockQ5_0*>(row) + block);
    case kCacheQ5_1:
      return EncodeBlock(x + first, reinterpret_cast<BlockQ5_1*>(row) + block);
    case kCacheQ8_0:
      return EncodeBlock(x + first, reinterpret_cast<BlockQ8_0*>(row) + block);
    case kCacheIQ4_NL:
      return EncodeBlock(x + first, reinterpret_cast<BlockIQ4_NL*>(row) + block);
  }
}

// A run of a head of `length` values; zeros beyond it.
GGUF_DEVICE inline void DecodeCacheRun(uint32_t type, const uint8_t* head, uint32_t run,
                                       uint32_t length, float* out) {
  switch (type) {
    case kCacheF32:
      return DecodeRowRun<BlockF32>(head, run, length, out);
    case kCacheF16:
      return DecodeRowRun<BlockF16>(head, run, length, out);
    case kCacheBF16:
      return DecodeRowRun<BlockBF16>(head, run, length, out);
    case kCacheQ4_0:
      return DecodeRowRun<BlockQ4_0>(head, run, length, out);
    case kCacheQ4_1:
      return DecodeRowRun<BlockQ4_1>(head, run, length, out);
    case kCacheQ5_0:
      return DecodeRowRun<BlockQ5_0>(head, run, length, out);
    case kCacheQ5_1:
      return DecodeRowRun<BlockQ5_1>(head, run, length, out);
    case kCacheQ8_0:
      return DecodeRowRun<BlockQ8_0>(head, run, length, out);
    case kCacheIQ4_NL:
      return DecodeRowRun<BlockIQ4_NL>(head, run, length, out);
  }
}

}  // namespace device
}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_CACHE_ENCODE_H_
