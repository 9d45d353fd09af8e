// Products of rows of weights with one row of activations, for the tensor types worth a kernel of
// their own: codes are multiplied as they are, without decoding to float.
//
// For block types activations are rounded to 16 bits against the largest of each 32 (relative error
// at most 2^-16 of it), so that a code and an activation multiply as integers, exactly. The other
// types here multiply floats.

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

// One row of activations in a kernel's order. Reusable.
class DotActivations {
 public:
  // `columns` must be whole units of the order: 32, or 256 of the last four. `values` must outlive
  // the use when the order is kFloat.
  void Assign(const float* values, size_t columns, DotOrder order);

  const float* values() const { return values_; }
  const int16_t* codes() const { return codes_.data(); }  // [columns]
  const float* scales() const { return scales_.data(); }  // per lane of 32-bit sums
  const float* sums() const { return sums_.data(); }      // [columns / 32], of rounded values

 private:
  const float* values_ = nullptr;
  std::vector<int16_t> codes_;
  std::vector<float> scales_, sums_;
};

struct DotKernel {
  TensorType type;
  DotOrder order;
  // The product of one row (`columns` values in whole blocks at `row`) with x, which has been
  // assigned in `order`.
  float (*dot)(const uint8_t* row, size_t columns, const DotActivations& x);
};

// Null when the type has no kernel: its rows are decoded to float instead.
const DotKernel* FindDotKernel(TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_DOT_H_
