// Plans a conversion: every matrix gets the output type, everything else is F32.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_CONVERT_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_CONVERT_H_

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "formats/tensor_source.h"
#include "gguf/split.h"
#include "quantize/encode/encoder.h"
#include "quantize/plan.h"

namespace gguf {

struct ConvertOptions {
  // Type of the matrices; absent: that of the first tensor of at least 2 dimensions in the source
  // which is BF16 or F16; F16 when there is none.
  absl::optional<TensorType> type;
  Effort effort = Effort::kReference;  // what the field's converters write
  SplitOptions split;
};

// Matrices whose rows the type's blocks do not divide become F16, with a warning. Tensor order is
// the source's. Sets general.file_type and general.quantization_version.
absl::StatusOr<Plan> PlanConversion(const TensorSource& source, const ConvertOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_CONVERT_H_
