#include "quantize/encode/refine/q4_0.h"

#include "formats/codec/q4_0.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/q4_0.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/one_scale.h"
#include "quantize/encode/refine/one_scale_plans.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/q4_0.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_signed-inl.h"
#include "quantize/encode/refine/one_scale-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

// Stores 32 codes.
HWY_INLINE void PackQ4_0(const uint8_t* codes, BlockQ4_0& block) { PackNibbles(codes, block.qs); }

void ImproveQ4_0Rows(const TrialPlan& plan, const float* rows, size_t num_rows, size_t columns,
                     const float* importance, BlockQ4_0* blocks) {
  if (importance != nullptr) {
    ImproveOneScaleRows<8, true, BlockQ4_0, PackQ4_0>(plan, rows, num_rows, columns, importance,
                                                      blocks);
  } else {
    ImproveOneScaleRows<8, false, BlockQ4_0, PackQ4_0>(plan, rows, num_rows, columns, nullptr,
                                                       blocks);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(ImproveQ4_0Rows);

namespace {

void Pack(const uint8_t* codes, BlockQ4_0& block) {
  for (size_t j = 0; j < 16; ++j) {
    block.qs[j] = static_cast<uint8_t>(codes[j] | codes[j + 16] << 4);
  }
}

void Encode(const OneScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
            const float* weights, uint8_t* out) {
  EncodeQ4_0(rows, num_rows, columns, weights, out);
  HWY_DYNAMIC_DISPATCH(ImproveQ4_0Rows)
  (plans.For(weights), rows, num_rows, columns, weights, reinterpret_cast<BlockQ4_0*>(out));
}

void EncodeScalar(const OneScalePlans& plans, const float* rows, size_t num_rows, size_t columns,
                  const float* weights, uint8_t* out) {
  EncodeQ4_0Reference(rows, num_rows, columns, weights, out);
  ImproveOneScaleRowsScalar<8>(TensorType::kQ4_0, plans.For(weights), rows, num_rows, columns,
                               weights, Pack, reinterpret_cast<BlockQ4_0*>(out));
}

}  // namespace

GGUF_DEFINE_EFFORT_ENCODERS(Q4_0, Encode, EncodeScalar, kStandardPlans, kMaxPlans);

}  // namespace gguf
#endif  // HWY_ONCE
