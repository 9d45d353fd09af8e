// The higher efforts of one IQ2 or IQ3 type, GGUF_REFINED_GRID_TYPE: a source file per type defines
// that and HWY_TARGET_INCLUDE and includes this, so that the types compile side by side. Once per
// instruction set, hence no include guard.

#include "quantize/encode/grid_types.h"
#include "quantize/encode/refine/effort_encoders.h"
#include "quantize/encode/refine/grid_encoders.h"
#include "quantize/encode/refine/grid_refine.h"

// foreach_target includes the source file again once for every instruction set.
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/refine/grid_refine-inl.h"

#ifndef GGUF_REFINED_GRID_NAMES
#define GGUF_REFINED_GRID_NAMES
#define GGUF_REFINED_GRID_JOIN(a, b) a##b
#define GGUF_REFINED_GRID_NAME(a, type) GGUF_REFINED_GRID_JOIN(a, type)
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

// External, and so named by the type: two sources may define no function of one name.
void GGUF_REFINED_GRID_NAME(Refine, GGUF_REFINED_GRID_TYPE)(const GridEffort& effort,
                                                            const float* HWY_RESTRICT rows,
                                                            size_t num_rows, size_t columns,
                                                            const float* HWY_RESTRICT weights,
                                                            uint8_t* HWY_RESTRICT out) {
  EncodeRefined<GGUF_REFINED_GRID_NAME(Type, GGUF_REFINED_GRID_TYPE)>(effort, rows, num_rows,
                                                                      columns, weights, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

using RefinedType = GGUF_REFINED_GRID_NAME(Type, GGUF_REFINED_GRID_TYPE);
constexpr const GridEffort& kStandard = GridStandard(RefinedType::kType);
constexpr const GridEffort& kMax = GridMax(RefinedType::kType);

}  // namespace

#define GGUF_REFINED_GRID_EXPORT(type)                                  \
  HWY_EXPORT(Refine##type);                                             \
  GGUF_DEFINE_EFFORT_ENCODERS(type, HWY_DYNAMIC_DISPATCH(Refine##type), \
                              EncodeRefinedScalar<RefinedType>, kStandard, kMax)
#define GGUF_REFINED_GRID_EXPORT_NAMED(type) GGUF_REFINED_GRID_EXPORT(type)
GGUF_REFINED_GRID_EXPORT_NAMED(GGUF_REFINED_GRID_TYPE);

}  // namespace gguf
#endif  // HWY_ONCE
