// The scalar definition of signed_rows-inl.h: the reference's blocks, improved in place.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantize/encode/error_weights.h"
#include "quantize/encode/refine/signed_scales.h"

namespace gguf {

// `Type` as in signed_rows-inl.h; `blocks`: those of the reference for the same arguments.
template <class Type>
void ImproveRowsScalar(const ScalePlan& plan, const float* rows, size_t num_rows, size_t columns,
                       const float* importance, typename Type::Block* blocks) {
  std::vector<float> weights(columns);
  for (size_t r = 0; r < num_rows; ++r) {
    const float* row = rows + r * columns;
    ErrorWeights(Type::kType, row, columns, importance, weights.data());
    for (size_t c = 0; c < columns; c += kScaleValues, ++blocks) {
      ScaleChoice choice;
      Type::Scales(*blocks, choice);
      if (!IsUsableScale(choice.d)) continue;
      SignedScales<Type::kMax, Type::kLow, Type::kHigh> block_scales(row + c, weights.data() + c);
      if (!block_scales.Improve(plan, choice)) continue;
      uint8_t codes[kScaleValues];
      block_scales.Codes(choice, codes);
      Type::Store(choice, codes, *blocks);
    }
  }
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_SIGNED_ROWS_H_
