// Whether values survive in half precision: read before a tensor's type is decided.

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_F16_FIT_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_F16_FIT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"

namespace gguf {

struct F16Fit {
  uint64_t num_inexact = 0;      // values that rounding to F16 changes
  uint64_t num_overflowing = 0;  // of these, values that become infinite
  double max_abs_error = 0;      // of those that do not

  bool is_exact() const { return num_inexact == 0; }
};

// Reads all of tensor `index`, whose type is F32, F16 or BF16, in pieces of bounded size.
absl::StatusOr<F16Fit> MeasureF16Fit(const TensorSource& source, size_t index);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_F16_FIT_H_
