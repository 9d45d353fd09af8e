// Plans a quantization: source metadata, recipe, overrides and importance data give a Plan.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_QUANTIZE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_QUANTIZE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"
#include "gguf/split.h"
#include "importance/data.h"
#include "quantize/encode/encoder.h"
#include "quantize/plan.h"
#include "quantize/recipe.h"

namespace gguf {

struct QuantizeOptions {
  // has_importance: plan as if there were importance data (with dry_run, to know sizes in advance).
  RecipeOptions recipe;
  Effort effort = Effort::kStandard;
  bool allow_requantize = false;
  bool keep_split = false;  // one output shard per input shard
  bool dry_run = false;     // missing importance data is a warning
  SplitOptions split;
  std::vector<uint64_t> prune_layers;                    // dropped; numbers of the source
  std::vector<std::pair<std::string, Value>> overrides;  // written last, in order
};

// `recipe` may be null when options.recipe.copy is set. `importance` may be null; it must be
// filtered already. The MXFP4 tensors of a model that is published so (gpt-oss) stay as they are
// unless allow_requantize is set, in which case they are like any other. Errors name the tensor: a
// type smaller than that for one of these, another quantized source without allow_requantize,
// importance data of another model (names, shapes), or none where the type needs it, a type that
// nothing encodes. Warnings say what importance data lacks, what quantizing again loses and which
// options change nothing in this model. COPY ignores `importance`.
absl::StatusOr<Plan> PlanQuantization(const TensorSource& source, const Recipe* recipe,
                                      const QuantizeOptions& options,
                                      const ImportanceData* importance);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_QUANTIZE_H_
