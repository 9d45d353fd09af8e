#include "quantize/encode/grid_types.h"
#include "quantize/encode/refine/grid_encoders.h"
#include "quantize/encode/refine/grid_refine.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq3_s_refine.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/refine/grid_refine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void RefineIQ3_S(const GridEffort& effort, const float* HWY_RESTRICT rows, size_t num_rows,
                 size_t columns, const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeRefined<TypeIQ3_S>(effort, rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(RefineIQ3_S);

void EncodeIQ3_SStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(RefineIQ3_S)
  (GridStandard(TypeIQ3_S::kType), rows, num_rows, columns, weights, out);
}

void EncodeIQ3_SStandardScalar(const float* rows, size_t num_rows, size_t columns,
                               const float* weights, uint8_t* out) {
  EncodeRefinedScalar<TypeIQ3_S>(GridStandard(TypeIQ3_S::kType), rows, num_rows, columns, weights,
                                 out);
}

void EncodeIQ3_SMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                    uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(RefineIQ3_S)
  (GridMax(TypeIQ3_S::kType), rows, num_rows, columns, weights, out);
}

void EncodeIQ3_SMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  EncodeRefinedScalar<TypeIQ3_S>(GridMax(TypeIQ3_S::kType), rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
