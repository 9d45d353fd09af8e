// Products of rows of weights of any block type with activations rounded to 8 bits.
//
// Activations are codes in [-127, 127] times a scale per 32, the largest magnitude of the 32 over
// 127. A row of weights is unpacked, a piece at a time, to codes with a scale (and minimum) per 16
// (formats/codec/code_row.h). Codes multiply and add up as integers, exactly, over at least 4
// columns; scaled sums are added in float, in an order that is the instruction set's.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_Q8_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_Q8_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gguf/tensor_type.h"

namespace gguf {

// One row of activations. Reusable.
class Q8Activations {
 public:
  // `columns` is a multiple of 32.
  void Assign(const float* values, size_t columns);

  // Arrays go on with zeros up to a multiple of 64 columns.
  const int8_t* codes() const { return codes_.data(); }
  const float* scales() const { return scales_.data(); }  // per 4 columns: of a 32-bit sum
  // -128 times the sum of each 4 codes: what codes of weights raised by 128, to be unsigned, add.
  const int32_t* raised() const { return raised_.data(); }
  const float* sums() const { return sums_.data(); }  // per 16 columns: scale times sum of codes

 private:
  std::vector<int8_t> codes_;
  std::vector<float> scales_, sums_;
  std::vector<int32_t> raised_;
};

// Whether rows of the type can be multiplied here: block types, where there are vectors.
bool HasQ8Dot(TensorType type);

// out[i] = the product of one row (`columns` values in whole blocks at `row`) with x[i], for
// i < count. HasQ8Dot(type).
void DotQ8(TensorType type, const uint8_t* row, size_t columns, const Q8Activations* x,
           size_t count, float* out);

// As above one by one from the decoded row, in double, for tests.
void DotQ8Reference(TensorType type, const uint8_t* row, size_t columns, const Q8Activations* x,
                    size_t count, float* out);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_Q8_H_
