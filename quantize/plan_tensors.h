// Plans for which every tensor's type is decided already: the common end of all planning.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_TENSORS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_TENSORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/tensor_choice.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"
#include "quantize/plan.h"

namespace gguf {

// A plan of one file with `choices` in their order. A tensor that keeps its type is copied bit for
// bit. `type_name` is what {type} in file names becomes. InvalidArgument names a tensor whose type
// nothing encodes, needs importance data, or does not divide its rows.
absl::StatusOr<Plan> PlanTensors(const TensorSource& source, const Metadata& metadata,
                                 absl::Span<const TensorChoice> choices,
                                 absl::string_view type_name, Effort effort);

// Counts `offset` to all indices into the source: for a source that joins others (joined_source.h)
// and a plan that was made of one of these.
void OffsetSource(size_t offset, Plan* plan);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_TENSORS_H_
