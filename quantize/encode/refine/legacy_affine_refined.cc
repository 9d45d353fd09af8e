#include "quantize/encode/refine/legacy_affine_refined.h"

#include <vector>

#include "quantize/encode/q4_1.h"
#include "quantize/encode/q5_1.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/legacy_affine_refined.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/legacy_affine-inl.h"
#include "quantize/encode/legacy_pack-inl.h"
#include "quantize/encode/refine/legacy_refine-inl.h"

// What follows needs once per type and effort: the type, its effort and the search.
#ifndef GGUF_REFINED_ENCODERS
#define GGUF_REFINED_ENCODERS(F)          \
  F(Q4_1, Standard, LegacyStandardSearch) \
  F(Q4_1, Max, LegacyMaxSearch)           \
  F(Q5_1, Standard, LegacyStandardSearch) \
  F(Q5_1, Max, LegacyMaxSearch)
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#define GGUF_DEFINE_REFINE(type, effort, search)                                                \
  void Refine##type##effort(const float* rows, size_t num_rows, size_t columns,                 \
                            const float* weights, uint8_t* out) {                               \
    RefineLegacyRows<type##Shape, type##Packer, search>(rows, num_rows, columns, weights, out); \
  }
GGUF_REFINED_ENCODERS(GGUF_DEFINE_REFINE)
#undef GGUF_DEFINE_REFINE

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

template <class Shape, class Search>
void RefineLegacyRowsScalar(const float* rows, size_t num_rows, size_t columns,
                            const float* importance, uint8_t* out) {
  auto* block = reinterpret_cast<typename Shape::Block*>(out);
  std::vector<float> weights(columns, 1.0f);
  for (size_t row = 0; row < num_rows; ++row) {
    const float* x = rows + row * columns;
    if (importance != nullptr) ImportantLegacyWeights(x, columns, importance, weights.data());
    for (size_t column = 0; column < columns; column += kLegacyValues, ++block) {
      if (importance != nullptr) {
        RefineLegacyBlock<Shape, Search>(x + column, weights.data() + column, *block);
      } else {
        RefineLegacyBlock<Shape, typename Search::Plain>(x + column, weights.data(), *block);
      }
    }
  }
}

}  // namespace

#define GGUF_DEFINE_ENCODE(type, effort, search)                                        \
  HWY_EXPORT(Refine##type##effort);                                                     \
  void Encode##type##effort(const float* rows, size_t num_rows, size_t columns,         \
                            const float* weights, uint8_t* out) {                       \
    Encode##type(rows, num_rows, columns, weights, out);                                \
    HWY_DYNAMIC_DISPATCH(Refine##type##effort)(rows, num_rows, columns, weights, out);  \
  }                                                                                     \
  void Encode##type##effort##Scalar(const float* rows, size_t num_rows, size_t columns, \
                                    const float* weights, uint8_t* out) {               \
    Encode##type##Reference(rows, num_rows, columns, weights, out);                     \
    RefineLegacyRowsScalar<type##Shape, search>(rows, num_rows, columns, weights, out); \
  }
GGUF_REFINED_ENCODERS(GGUF_DEFINE_ENCODE)
#undef GGUF_DEFINE_ENCODE

}  // namespace gguf
#endif  // HWY_ONCE
