#include "quantize/encode/iq3_s.h"

#include "quantize/encode/grid_types.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/iq3_s.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/grid_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

void EncodeIQ3_SImpl(const float* HWY_RESTRICT rows, size_t num_rows, size_t columns,
                     const float* HWY_RESTRICT weights, uint8_t* HWY_RESTRICT out) {
  EncodeGrid<TypeIQ3_S, BlockIQ3_S>(Iq3sGrid(), rows, num_rows, columns, weights, TypeIQ3_S::Pack,
                                    out);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

void EncodeIQ3_SReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                          uint8_t* out) {
  EncodeGridReference<BlockIQ3_S>(TypeIQ3_S::kType, Iq3sGrid(), rows, num_rows, columns, weights,
                                  TypeIQ3_S::Pack, out);
}

HWY_EXPORT(EncodeIQ3_SImpl);

void EncodeIQ3_S(const float* rows, size_t num_rows, size_t columns, const float* weights,
                 uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(EncodeIQ3_SImpl)(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
#endif  // HWY_ONCE
