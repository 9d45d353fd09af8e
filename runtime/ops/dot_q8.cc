#include "runtime/ops/dot_q8.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "formats/codec/codec.h"
#include "runtime/ops/dot_bytes.h"

#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // where bytes are multiplied by one instruction
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/dot_q8.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "runtime/ops/bytes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The sum of scales[i / 16] * codes[i] * the activation `column` + i, for i < n, a multiple of 64.
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR

float DotCodes(const int8_t*, const float*, size_t, const Q8Activations&, size_t) { return 0.0f; }

float DotMinimums(const float*, const float*, size_t) { return 0.0f; }

#else

using DF = hn::CappedTag<float, 16>;
using VF = hn::Vec<DF>;

#if GGUF_HAVE_BYTES

using D8 = hn::Repartition<uint8_t, DF>;
using DI32 = hn::RebindToSigned<DF>;

float DotCodes(const int8_t* HWY_RESTRICT codes, const float* HWY_RESTRICT scales, size_t n,
               const Q8Activations& x, size_t column) {
  const DF d;
  const D8 d8;
  alignas(64) static constexpr int32_t kPlaces[16] = {0, 0, 0, 0, 1, 1, 1, 1,
                                                      2, 2, 2, 2, 3, 3, 3, 3};
  const auto places = hn::SetTableIndices(d, kPlaces);
  const auto raise = hn::Set(d8, 0x80);  // signed weights by 128, to unsigned
  const auto* weight_bytes = reinterpret_cast<const uint8_t*>(codes);
  const auto* x_bytes = reinterpret_cast<const uint8_t*>(x.codes() + column);
  const int32_t* raised = x.raised() + column / 4;
  const float* x_scales = x.scales() + column / 4;
  const auto part = [&](size_t i, VF total) HWY_ATTR {
    const auto weights = hn::Xor(hn::Load(d8, weight_bytes + i), raise);
    const auto sums =
        MultiplyBytes(weights, hn::LoadU(d8, x_bytes + i), hn::LoadU(DI32(), raised + i / 4));
    const VF scale = hn::TableLookupLanes(hn::LoadDup128(d, scales + i / 16), places);
    return hn::MulAdd(hn::ConvertTo(d, sums), hn::Mul(scale, hn::LoadU(d, x_scales + i / 4)),
                      total);
  };
  VF total0 = hn::Zero(d), total1 = hn::Zero(d);
  size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    total0 = part(i, total0);
    total1 = part(i + 64, total1);
  }
  if (i < n) total0 = part(i, total0);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(total0, total1)));
}

#else

// Sixteen columns at a time, widened to words.
float DotCodes(const int8_t* HWY_RESTRICT codes, const float* HWY_RESTRICT scales, size_t n,
               const Q8Activations& x, size_t column) {
  const hn::CappedTag<int16_t, 16> d16;
  const hn::Rebind<int8_t, decltype(d16)> d8;
  const hn::Repartition<int32_t, decltype(d16)> d32;
  const hn::RebindToFloat<decltype(d32)> df;
  auto total = hn::Zero(df);
  for (size_t i = 0; i < n; i += 16) {
    auto sums = hn::Zero(d32);
    auto unused = hn::Zero(d32);
    for (size_t j = i; j < i + 16; j += hn::MaxLanes(d16)) {
      const auto weights = hn::PromoteTo(d16, hn::LoadU(d8, codes + j));
      const auto values = hn::PromoteTo(d16, hn::LoadU(d8, x.codes() + column + j));
      sums = hn::ReorderWidenMulAccumulate(d32, weights, values, sums, unused);
    }
    sums = hn::Add(sums, unused);
    const auto scale = hn::Set(df, scales[i / 16] * x.scales()[(column + i) / 4]);
    total = hn::MulAdd(hn::ConvertTo(df, sums), scale, total);
  }
  return hn::GetLane(hn::SumOfLanes(df, total));
}

#endif

// The sum of a[i] * b[i] for i < n, a multiple of 4.
float DotMinimums(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, size_t n) {
  const hn::CappedTag<float, 4> d;
  auto total = hn::Zero(d);
  for (size_t i = 0; i < n; i += hn::MaxLanes(d)) {
    total = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), total);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

#endif

// Where a row continues is asked for a page ahead: the processor by itself stops at the page's end.
void PrefetchAhead(const uint8_t* at, size_t num_bytes) {
  for (size_t i = 0; i < num_bytes; i += 64) hwy::Prefetch(at + 4096 + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(DotCodes);
HWY_EXPORT(DotMinimums);
HWY_EXPORT(PrefetchAhead);

namespace {

constexpr size_t kPiece = 2048;  // columns unpacked at a time: a multiple of every block

constexpr size_t RoundUp(size_t n) { return (n + 63) / 64 * 64; }

}  // namespace

void Q8Activations::Assign(const float* values, size_t columns) {
  const size_t padded = RoundUp(columns);
  codes_.resize(padded);
  scales_.resize(padded / 4);
  raised_.resize(padded / 4);
  sums_.resize(padded / 16);
  std::fill(codes_.begin() + columns, codes_.end(), int8_t{0});
  for (size_t i = 0; i < padded; i += 32) {
    float largest = 0.0f;
    for (size_t j = i; j < std::min(i + 32, columns); ++j) {
      largest = std::max(largest, std::abs(values[j]));
    }
    const float scale = largest / 127.0f;
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    for (size_t j = i; j < std::min(i + 32, columns); ++j) {
      codes_[j] = static_cast<int8_t>(std::lrintf(values[j] * inverse));
    }
    std::fill_n(scales_.begin() + i / 4, 8, scale);
  }
  for (size_t i = 0; i < padded / 4; ++i) {
    const int8_t* codes = &codes_[4 * i];
    raised_[i] = -128 * (codes[0] + codes[1] + codes[2] + codes[3]);
  }
  for (size_t i = 0; i < padded / 16; ++i) {
    const int32_t* raised = &raised_[4 * i];
    sums_[i] =
        scales_[4 * i] * static_cast<float>((raised[0] + raised[1] + raised[2] + raised[3]) / -128);
  }
}

bool HasQ8Dot(TensorType type) { return CodecOf(type).unpack != nullptr && CanUnpack(); }

void DotQ8(TensorType type, const uint8_t* row, size_t columns, const Q8Activations* x,
           size_t count, float* out) {
  if (const BytesDot dot = FindBytesDot(type)) {
    for (size_t i = 0; i < count; ++i) out[i] = dot(row, columns, x[i]);
    return;
  }
  const TensorTypeInfo& info = InfoOf(type);
  const auto unpack = CodecOf(type).unpack;
  const bool has_minimums = HasMinimums(type);
  alignas(64) int8_t codes[kPiece];
  alignas(64) float scales[kPiece / kCodeGroup];
  alignas(64) float minimums[kPiece / kCodeGroup];
  std::fill_n(out, count, 0.0f);
  for (size_t column = 0; column < columns; column += kPiece) {
    const size_t n = std::min(kPiece, columns - column);
    const uint8_t* blocks = row + column / info.block_values * info.block_bytes;
    HWY_DYNAMIC_DISPATCH(PrefetchAhead)(blocks, n / info.block_values * info.block_bytes);
    unpack(blocks, n, {codes, scales, minimums});
    const size_t padded = RoundUp(n);
    std::fill(codes + n, codes + padded, int8_t{0});
    std::fill(scales + n / kCodeGroup, scales + padded / kCodeGroup, 0.0f);
    std::fill(minimums + n / kCodeGroup, minimums + padded / kCodeGroup, 0.0f);
    for (size_t i = 0; i < count; ++i) {
      out[i] += HWY_DYNAMIC_DISPATCH(DotCodes)(codes, scales, padded, x[i], column);
      if (!has_minimums) continue;
      out[i] -= HWY_DYNAMIC_DISPATCH(DotMinimums)(minimums, x[i].sums() + column / kCodeGroup,
                                                  padded / kCodeGroup);
    }
  }
}

void DotQ8Reference(TensorType type, const uint8_t* row, size_t columns, const Q8Activations* x,
                    size_t count, float* out) {
  std::vector<float> values(columns);
  CodecOf(type).decode_reference(row, columns, values.data());
  for (size_t i = 0; i < count; ++i) {
    double sum = 0.0;
    for (size_t k = 0; k < columns; ++k) {
      sum += double{values[k]} * x[i].scales()[k / 4] * x[i].codes()[k];
    }
    out[i] = static_cast<float>(sum);
  }
}

}  // namespace gguf
#endif  // HWY_ONCE
