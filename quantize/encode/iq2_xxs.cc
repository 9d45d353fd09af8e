#include "quantize/encode/iq2_xxs.h"

#include "quantize/encode/grid_types.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq2_xxs.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ2_XXSImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                       const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ2_XXS, BlockIQ2_XXS>(Iq2xxsGrid(), rows, num_rows, columns, weights,
                                        TypeIQ2_XXS::Pack, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ2_XXSReference(const float* rows, size_t num_rows, size_t columns,
                            const float* weights, uint8_t* out) {
  EncodeGridReference<BlockIQ2_XXS>(TypeIQ2_XXS::kType, Iq2xxsGrid(), rows, num_rows, columns,
                                    weights, TypeIQ2_XXS::Pack, out);
}

HWY_EXPORT(EncodeIQ2_XXSImpl);

void EncodeIQ2_XXS(const float* rows, size_t num_rows, size_t columns, const float* weights,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ2_XXSImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
