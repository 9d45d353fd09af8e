#include "quantize/encode/refine/k_affine_refined.h"

#include "quantize/encode/q2_k.h"
#include "quantize/encode/q4_k.h"
#include "quantize/encode/q5_k.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/k_affine_refined.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/k_pack-inl.h"
#include "quantize/encode/refine/k_refine_rows-inl.h"

// What follows needs once per type and effort: the type, its effort and the search.
#ifndef GGUF_REFINED_ENCODERS
#define GGUF_REFINED_ENCODERS(F)         \
  F(Q2_K, Standard, K2BitStandardSearch) \
  F(Q2_K, Max, K2BitMaxSearch)           \
  F(Q4_K, Standard, KStandardSearch)     \
  F(Q4_K, Max, KMaxSearch)               \
  F(Q5_K, Standard, KStandardSearch)     \
  F(Q5_K, Max, KMaxSearch)
#endif

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {

#define GGUF_DEFINE_REFINE(type, effort, search)                                           \
  void Refine##type##effort(const float* rows, size_t num_rows, size_t columns,            \
                            const float* weights, uint8_t* out) {                          \
    RefineKRows<type##Shape, type##Packer, search>(rows, num_rows, columns, weights, out); \
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
void RefineKRowsScalar(const float* rows, size_t num_rows, size_t columns, const float* weights,
                       uint8_t* out) {
  auto* block = reinterpret_cast<typename Shape::Block*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      RefineKBlock<Shape, Search>(rows + row * columns + column,
                                  weights != nullptr ? weights + column : nullptr, *block++);
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
    RefineKRowsScalar<type##Shape, search>(rows, num_rows, columns, weights, out);      \
  }
GGUF_REFINED_ENCODERS(GGUF_DEFINE_ENCODE)
#undef GGUF_DEFINE_ENCODE

}  // namespace gguf
#endif  // HWY_ONCE
