// Importance data and plans, as a command line or a job asks for them.

#ifndef GGUF_TOOLCHAIN_TOOLS_QUANTIZE_PLAN_H_
#define GGUF_TOOLCHAIN_TOOLS_QUANTIZE_PLAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"
#include "importance/data.h"
#include "quantize/plan.h"
#include "quantize/plan_quantize.h"
#include "tools/quantize_options.h"

namespace gguf {

// Of flags.imatrix, filtered by --include-weights and --exclude-weights, each of which must be
// found in some name. Warns when nothing is left.
absl::StatusOr<ImportanceData> ReadFilteredImportance(const QuantizeFlags& flags);

// Plans one type, or COPY. `importance` may be empty.
absl::StatusOr<Plan> PlanType(const TensorSource& source, const std::string& type,
                              const ImportanceData& importance, QuantizeOptions options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_QUANTIZE_PLAN_H_
