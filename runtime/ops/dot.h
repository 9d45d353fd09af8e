// Products of rows of weights with one row of activations, for the tensor types worth a kernel of
// their own: codes are multiplied as they are, without decoding to float.
//
// For block types activations become integers against the largest of each 32, so that a code and an
// activation multiply exactly: of one part, 16 bits (an error of at most 2^-16 of that largest), or
// of two, 31 bits, which is as close as the float itself. The other types here multiply floats.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gguf/tensor_type.h"

namespace gguf {

// In which order a kernel reads activations and how many lanes share a scale.
enum class DotOrder {
  kFloat,         // as they are, in float
  kNatural,       // 16 bits, in order; one scale per 32
  kNibblePairs,   // of Q4_K: see dot.cc
  kNibbleHalves,  // of IQ4_XS
  kSixBits,       // of Q6_K
  kEvenOdd,       // of the types of a grid with signs
};
inline constexpr size_t kNumDotOrders = 6;

// The second part of an activation counts steps of the first divided by this.
inline constexpr float kDotSecondPart = 32768.0f;

// One row of activations in a kernel's order. Reusable.
class DotActivations {
 public:
  // `columns` must be whole units of the order: 32, or 256 of the last four. `num_parts` is 1 or 2.
  // `values` must outlive the use when the order is kFloat.
  void Assign(const float* values, size_t columns, DotOrder order, int num_parts);

  int num_parts() const { return num_parts_; }
  const float* values() const { return values_; }
  const int16_t* codes() const { return codes_.data(); }  // [num_parts][columns]
  const float* scales() const { return scales_.data(); }  // per lane of 32-bit sums
  const float* sums() const { return sums_.data(); }      // [columns / 32], of what codes stand for

 private:
  int num_parts_ = 1;
  const float* values_ = nullptr;
  std::vector<int16_t> codes_;
  std::vector<float> scales_, sums_;
};

// out[r] = the product of row r (`columns` values in whole blocks at rows + r * row_bytes) with x,
// for r < count. x has been assigned in the kernel's order.
using DotRows = void (*)(const uint8_t* rows, size_t row_bytes, size_t count, size_t columns,
                         const DotActivations& x, float* out);

struct DotKernel {
  TensorType type;
  DotOrder order;
  DotRows dot;
};

// Null when the type has no kernel: its rows are decoded to float instead.
const DotKernel* FindDotKernel(TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_H_
