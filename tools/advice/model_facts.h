// What advice needs to know of a model: how large each type would be, what a token reads, what a
// cache takes, and what each type is expected to cost.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_FACTS_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"
#include "runtime/config.h"
#include "tools/advice/quality.h"

namespace gguf {

// A type that the weights can be stored in.
struct WeightOption {
  std::string type;                  // a recipe's name; "COPY" for the file as it is
  std::vector<std::string> aliases;  // further recipes that give every tensor the same type
  uint64_t bytes = 0;                // of all tensors
  // Of the weights that one generated token reads: one row of the token embeddings (counted as
  // none), and of the experts those in use.
  uint64_t bytes_per_token = 0;
  double bits_per_weight = 0;
  // Nothing is quantized, or every tensor keeps the bytes that it is published with.
  bool is_lossless = false;
  // Some quantized tensors stay as they are published (gpt-oss), so that figures are upper bounds.
  bool keeps_quantized = false;
  // Expected mean divergence from the unquantized model, as published; -1: unknown.
  double divergence = -1;
  QualityFigure published, measured;  // with an empty type where there is none
};

// A type that is not offered, and why.
struct RefusedType {
  std::string type;
  std::string reason;
};

struct ModelFacts {
  std::string name;
  std::string basis;  // where sizes come from, for people
  ModelConfig config;
  double num_weights = 0;
  uint64_t vocabulary = 0;
  std::vector<WeightOption> options;  // largest first
  std::vector<RefusedType> refused;
  std::vector<std::string> warnings;
};

// Plans every recipe that has a figure of quality for the tensors of `source` (quantize/plan.h):
// sizes are exact. A quantized file stands for the one that it was made from, besides being an
// option itself. `may_have_importance`: importance data can be made (imatrix), which changes some
// mixtures and which the smallest types need. Unimplemented for a family whose cache is not known,
// naming it; else errors of the metadata.
absl::StatusOr<ModelFacts> DescribeModel(const TensorSource& source, bool may_have_importance);

// A model of which only numbers are known.
struct CustomShape {
  double num_weights = 0;
  uint32_t num_layers = 0;
  uint32_t num_kv_heads = 0;
  uint32_t head_size = 0;
  uint32_t window = 0;          // of the sliding layers
  uint32_t sliding_layers = 0;  // of num_layers
};

// Weights are estimated with the bits per weight that each recipe takes for Llama-3.1-8B.
absl::StatusOr<ModelFacts> DescribeCustom(const CustomShape& shape, bool may_have_importance);

// "8B", "13.5b", "350M": a number of weights. InvalidArgument with the accepted forms.
absl::StatusOr<double> ParseNumWeights(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_MODEL_FACTS_H_
