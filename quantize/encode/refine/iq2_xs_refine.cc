#include "quantize/encode/grid_types.h"
#include "quantize/encode/refine/grid_encoders.h"
#include "quantize/encode/refine/grid_refine.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq2_xs_refine.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/refine/grid_refine-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void RefineIQ2_XS(const GridEffort& effort, const float* HWY_RESTRICT rows, size_t num_rows,
                  size_t columns, const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeRefined<TypeIQ2_XS>(effort, rows, num_rows, columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(RefineIQ2_XS);

void EncodeIQ2_XSStandard(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(RefineIQ2_XS)
  (GridStandard(TypeIQ2_XS::kType), rows, num_rows, columns, weights, out);
}

void EncodeIQ2_XSStandardScalar(const float* rows, size_t num_rows, size_t columns,
                                const float* weights, uint8_t* out) {
  EncodeRefinedScalar<TypeIQ2_XS>(GridStandard(TypeIQ2_XS::kType), rows, num_rows, columns, weights,
                                  out);
}

void EncodeIQ2_XSMax(const float* rows, size_t num_rows, size_t columns, const float* weights,
                     uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(RefineIQ2_XS)
  (GridMax(TypeIQ2_XS::kType), rows, num_rows, columns, weights, out);
}

void EncodeIQ2_XSMaxScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                           uint8_t* out) {
  EncodeRefinedScalar<TypeIQ2_XS>(GridMax(TypeIQ2_XS::kType), rows, num_rows, columns, weights,
                                  out);
}

}  // namespace gguf
#endif  // HWY_ONCE
