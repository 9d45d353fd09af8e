#include "quantize/encode/refine/q6_k.h"

#include <cstring>

#include "formats/codec/q6_k.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/q6_k.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/signed_rows.h"
#include "quantize/encode/refine/signed_scales.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q6_k.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/refine/signed_rows-inl.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_ONCE
namespace gguf {
namespace {

struct Q6_KScales {
  static constexpr TensorType kType = TensorType::kQ6_K;
  using Block = BlockQ6_K;
  static constexpr int kMax = 32;
  static constexpr int kLow = -128;
  static constexpr int kHigh = 127;

  static void Scales(const Block& block, ScaleChoice& choice) {
    choice.d = block.d;
    std::memcpy(choice.scales, block.scales, sizeof(choice.scales));
  }

  static void Store(const ScaleChoice& choice, const uint8_t* codes, Block& block) {
    block.d = choice.d;
    std::memcpy(block.scales, choice.scales, sizeof(choice.scales));
    // Eight codes at a time; no field crosses a byte.
    constexpr uint64_t kNibbles = 0x0F0F0F0F0F0F0F0Fu;
    constexpr uint64_t kPairs = 0x0303030303030303u;
    for (size_t at = 0; at < 64; at += 8) {
      const size_t half = at / 32;
      const size_t l = at % 32;
      uint64_t q[4];
      for (size_t c = 0; c < 4; ++c) std::memcpy(&q[c], codes + 128 * half + 32 * c + l, 8);
      const uint64_t low = (q[0] & kNibbles) | (q[2] & kNibbles) << 4;
      const uint64_t next = (q[1] & kNibbles) | (q[3] & kNibbles) << 4;
      const uint64_t high = (q[0] >> 4 & kPairs) | (q[1] >> 4 & kPairs) << 2 |
                            (q[2] >> 4 & kPairs) << 4 | (q[3] >> 4 & kPairs) << 6;
      std::memcpy(block.ql + 64 * half + l, &low, 8);
      std::memcpy(block.ql + 64 * half + 32 + l, &next, 8);
      std::memcpy(block.qh + at, &high, 8);
    }
  }
};

// The reference maps the largest sub-scale to -128 and leaves nothing above: a larger d does. Exact
// codes for many integers pay more than many trials, as a sub-block has a good one here and there.
constexpr ScalePlans kStandardPlans = {
    .plain = MakeScalePlan({0.8f, 1.05f, 12}, false, {1.04f, 1.3f, 6}, 0, 8),
    .weighted = MakeScalePlan({0.84f, 1.12f, 14}, false, {1.0f, 1.32f, 9}, 0, 12),
};
constexpr ScalePlans kMaxPlans = {
    .plain = MakeScalePlan({0.8f, 1.05f, 16}, false, {1.04f, 1.3f, 16}, 0, 24),
    .weighted = MakeScalePlan({0.85f, 1.13f, 16}, false, {1.06f, 1.36f, 24}, 0, 28),
};

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_Q6_K_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void ImproveQ6_KRows(const ScalePlan& plan, const float* rows, size_t num_rows, size_t columns,
                     const float* importance, BlockQ6_K* blocks) {
  ImproveRows<Q6_KScales>(plan, rows, num_rows, columns, importance, blocks);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(ImproveQ6_KRows);

namespace {

void Encode(const ScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
            const float* weights, uint8_t* out) {
  EncodeQ6_K(rows, num_rows, columns, weights, out);
  HWY_DYNAMIC_DISPATCH(ImproveQ6_KRows)
  (plans.For(weights), rows, num_rows, columns, weights, reinterpret_cast<BlockQ6_K*>(out));
}

void EncodeScalar(const ScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
                  const float* weights, uint8_t* out) {
  EncodeQ6_KReference(rows, num_rows, columns, weights, out);
  ImproveRowsScalar<Q6_KScales>(plans.For(weights), rows, num_rows, columns, weights,
                                reinterpret_cast<BlockQ6_K*>(out));
}

}  // namespace

GGUF_DEFINE_EFFORT_ENCODERS(Q6_K, Encode, EncodeScalar, kStandardPlans, kMaxPlans);

}  // namespace gguf
#endif  // HWY_ONCE
