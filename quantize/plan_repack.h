// Plans of Gemma 3 with its vision tower: one file as Ollama has it, or the two of llama.cpp.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PLAN_REPACK_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PLAN_REPACK_H_

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "formats/tensor_source.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"
#include "quantize/plan.h"

namespace gguf {

struct OllamaFileOptions {
  // Types of the text's tensors and its type name, from a conversion; null: as they are.
  const Plan* text_plan = nullptr;
  // Type of token_embd.weight, which is also the output matrix; absent: as it is. Only F32, F16 and
  // BF16 embeddings may change.
  absl::optional<TensorType> embedding_type;
  Effort effort = Effort::kStandard;
};

// A plan over JoinedSource({&text, &vision}); what differs from the inputs is among its warnings.
// Errors are those of JoinOllamaFile (formats/vision/ollama_file.h); InvalidArgument when the
// embedding is quantized already.
absl::StatusOr<Plan> PlanOllamaFile(const TensorSource& text, const TensorSource& vision,
                                    const OllamaFileOptions& options);

struct LlamaCppPlans {
  Plan text;  // tensors in the order that llama-quantize writes
  Plan mmproj;
};

// Plans over `model`. Errors are those of SplitOllamaFile.
absl::StatusOr<LlamaCppPlans> PlanLlamaCppFiles(const TensorSource& model);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PLAN_REPACK_H_
