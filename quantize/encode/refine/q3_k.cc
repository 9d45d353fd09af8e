#include "quantize/encode/refine/q3_k.h"

#include <cstring>

#include "formats/codec/q3_k.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/q3_k.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/signed_rows.h"
#include "quantize/encode/refine/signed_scales.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q3_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/refine/signed_rows-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_ONCE
namespace gguf {
namespace {

struct Q3_KScales {
  static constexpr TensorType kType = TensorType::kQ3_K;
  using Block = BlockQ3_K;
  static constexpr int kMax = 4;
  static constexpr int kLow = -32;
  static constexpr int kHigh = 31;

  static void Scales(const Block& block, ScaleChoice& choice) {
    choice.d = block.d;
    for (int b = 0; b < 16; ++b) {
      choice.scales[b] = static_cast<int8_t>(Q3_KScale(block.scales, b));
    }
  }

  static void Store(const ScaleChoice& choice, const uint8_t* codes, Block& block) {
    block.d = choice.d;
    std::memset(block.scales, 0, sizeof(block.scales));
    for (size_t b = 0; b < kScaleSubBlocks; ++b) {
      const int code = choice.scales[b] - kLow;
      block.scales[b % 8] |= static_cast<uint8_t>((code & 15) << (b / 8 * 4));
      block.scales[8 + b % 4] |= static_cast<uint8_t>((code >> 4) << (b / 4 * 2));
    }
    // Eight codes at a time; no field crosses a byte.
    constexpr uint64_t kPairs = 0x0303030303030303u;
    constexpr uint64_t kBits = 0x0101010101010101u;
    for (size_t l = 0; l < 32; l += 8) {
      uint64_t mask = 0;
      for (size_t half = 0; half < 2; ++half) {
        uint64_t low = 0;
        for (size_t c = 0; c < 4; ++c) {
          uint64_t q;
          std::memcpy(&q, codes + 128 * half + 32 * c + l, 8);
          low |= (q & kPairs) << (2 * c);
          mask |= (q >> 2 & kBits) << (4 * half + c);
        }
        std::memcpy(block.qs + 32 * half + l, &low, 8);
      }
      std::memcpy(block.hmask + l, &mask, 8);
    }
  }
};

// Codes reach from -4 to 3, so that a sub-block is often better with the other sign of its scale.
// The reference maps the largest sub-scale to -32 and leaves nothing above: a larger d does.
constexpr ScalePlans kStandardPlans = {
    .plain = MakeScalePlan({0.8f, 1.05f, 3}, true, {0.96f, 1.3f, 4}, 0, 1),
    .weighted = MakeScalePlan({0.8f, 2.3f, 12}, true, {0.98f, 1.14f, 9}, 0, 1),
};
constexpr ScalePlans kMaxPlans = {
    .plain = MakeScalePlan({0.78f, 1.2f, 10}, true, {0.94f, 1.4f, 16}, 1, 1),
    .weighted = MakeScalePlan({0.8f, 2.4f, 22}, true, {0.94f, 1.22f, 15}, 1, 2),
};

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q3_K_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void ImproveQ3_KRows(const ScalePlan& plan, const float* rows, size_t num_rows, size_t columns,
                     const float* importance, BlockQ3_K* blocks) {
  ImproveRows<Q3_KScales>(plan, rows, num_rows, columns, importance, blocks);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(ImproveQ3_KRows);

namespace {

void Encode(const ScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
            const float* weights, uint8_t* out) {
  EncodeQ3_K(rows, num_rows, columns, weights, out);
  HWY_DYNAMIC_DISPATCH(ImproveQ3_KRows)
  (plans.For(weights), rows, num_rows, columns, weights, reinterpret_cast<BlockQ3_K*>(out));
}

void EncodeScalar(const ScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
                  const float* weights, uint8_t* out) {
  EncodeQ3_KReference(rows, num_rows, columns, weights, out);
  ImproveRowsScalar<Q3_KScales>(plans.For(weights), rows, num_rows, columns, weights,
                                reinterpret_cast<BlockQ3_K*>(out));
}

}  // namespace

GGUF_DEFINE_EFFORT_ENCODERS(Q3_K, Encode, EncodeScalar, kStandardPlans, kMaxPlans);

}  // namespace gguf
#endif  // HWY_ONCE
