// Plans a projector file (mmproj): which tensors of a vision tower get the type asked for, and
// which stay what they must be.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_TOWER_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_TOWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "formats/tensor_source.h"
#include "formats/vision/tower.h"
#include "gguf/split.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"
#include "quantize/plan.h"

namespace gguf {

struct TowerOptions {
  // Type of the matrices of the blocks; absent: that of the first tensor of at least 2 dimensions
  // in the source which is BF16 or F16; F16 when there is none. Norms, biases, patch and position
  // embeddings and the projector have types of their own (tower.h).
  absl::optional<TensorType> type;
  Effort effort = Effort::kReference;
  bool allow_requantize = false;
};

// `source` is a tower under the names of a projector file, complete or not. Rows that the type's
// blocks do not divide get the next type that fits (as recipes choose it), with a warning, for
// which SigLIP's feed-forward length is known: 4304 is no multiple of 32. Sets general.file_type
// and general.quantization_version. InvalidArgument names a tensor that is quantized already, or a
// type that cannot do without importance data.
absl::StatusOr<Plan> PlanTower(const TensorSource& source, const TowerSizes& sizes,
                               const TowerOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_TOWER_H_
