#include "quantize/encode/refine/q5_0.h"

#include "formats/codec/q5_0.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/q5_0.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/one_scale.h"
#include "quantize/encode/refine/one_scale_plans.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q5_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_signed-inl.h"
#include "quantize/encode/refine/one_scale-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

// Stores 32 codes.
HWY_INLINE void PackQ5_0(const uint8_t* codes, BlockQ5_0& block) {
  PackNibbles(codes, block.qs);
  block.qh = FifthBits(codes);
}

void ImproveQ5_0Rows(const TrialPlan& plan, const float* rows, size_t num_rows, size_t columns,
                     const float* importance, BlockQ5_0* blocks) {
  if (importance != nullptr) {
    ImproveOneScaleRows<16, true, BlockQ5_0, PackQ5_0>(plan, rows, num_rows, columns, importance,
                                                       blocks);
  } else {
    ImproveOneScaleRows<16, false, BlockQ5_0, PackQ5_0>(plan, rows, num_rows, columns, nullptr,
                                                        blocks);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(ImproveQ5_0Rows);

namespace {

void Pack(const uint8_t* codes, BlockQ5_0& block) {
  uint32_t qh = 0;
  for (size_t i = 0; i < kOneScaleValues; ++i) qh |= static_cast<uint32_t>(codes[i] >> 4) << i;
  block.qh = qh;
  for (size_t j = 0; j < 16; ++j) {
    block.qs[j] = static_cast<uint8_t>((codes[j] & 15) | codes[j + 16] << 4);
  }
}

void Encode(const OneScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
            const float* weights, uint8_t* out) {
  EncodeQ5_0(rows, num_rows, columns, weights, out);
  HWY_DYNAMIC_DISPATCH(ImproveQ5_0Rows)
  (plans.For(weights), rows, num_rows, columns, weights, reinterpret_cast<BlockQ5_0*>(out));
}

void EncodeScalar(const OneScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
                  const float* weights, uint8_t* out) {
  EncodeQ5_0Reference(rows, num_rows, columns, weights, out);
  ImproveOneScaleRowsScalar<16>(TensorType::kQ5_0, plans.For(weights), rows, num_rows, columns,
                                weights, Pack, reinterpret_cast<BlockQ5_0*>(out));
}

}  // namespace

GGUF_DEFINE_EFFORT_ENCODERS(Q5_0, Encode, EncodeScalar, kStandardPlans, kMaxPlans);

}  // namespace gguf
#endif  // HWY_ONCE
