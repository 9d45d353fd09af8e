// Recipes: how a scheme such as Q4_K_M chooses a type for every tensor of a model.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_RECIPE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_RECIPE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

// A scheme for a whole file.
struct Recipe {
  absl::string_view name;  // "Q4_K_M"
  uint32_t file_type;      // general.file_type
  TensorType default_type;
  bool is_quantized;         // false: F32, F16, BF16 (every permitted tensor gets that type)
  bool requires_importance;  // refused as a whole without importance data
  bool is_uniform = false;   // no mixture: as with RecipeOptions::pure
};

// All recipes, in order of file type: those of llama-quantize, and the uniform ones, which only say
// "this type for every matrix". COPY is not among them.
absl::Span<const Recipe> AllRecipes();

// By name or alias (Q3_K, Q4_K, Q5_K: their _M), case-insensitive, or by number (the first one of a
// file type that two share: 38 is MXFP4_MOE). InvalidArgument lists the names.
absl::StatusOr<const Recipe*> ParseRecipe(absl::string_view name);

struct RecipeTensor {
  std::string name;
  Shape shape;  // outermost first
  TensorType type;
};

struct RecipeOptions {
  bool copy = false;  // COPY: every tensor keeps its type; `recipe` is ignored
  bool pure = false;  // no mixture: default type for every permitted tensor
  bool leave_output_tensor = false;
  bool has_importance = false;  // importance data was given (changes the mixture)
  // Obeyed by every recipe but COPY, without a fallback. output_tensor_type is also what tied token
  // embeddings get from a mixture.
  absl::optional<TensorType> output_tensor_type;
  absl::optional<TensorType> token_embedding_type;
  // Tensors of vision and audio towers and of projectors (formats/vision/tower.h: IsTowerTensor)
  // keep their type, unless this is set or a pattern of `tensor_types` is for them by the way it
  // begins: "v.", "mm.", "a.", "s.".
  bool tower = false;
  // First match wins. Patterns are regular expressions searched in the name (name_pattern.h) after
  // being lower-cased, as in llama-quantize. Recipes that do not quantize ignore them.
  std::vector<std::pair<std::string, TensorType>> tensor_types;
};

// What a model says of itself, as far as recipes care.
struct ModelTraits {
  std::string architecture;
  uint64_t num_layers = 0;
  uint64_t num_heads = 0;     // of layer 0
  uint64_t num_kv_heads = 0;  // of layer 0
  uint64_t num_experts = 0;

  // From `{arch}.block_count` and so on; absent keys give 0 (kv heads: num_heads). A key of the
  // wrong type is an error. A file without an architecture gives an empty one.
  static absl::StatusOr<ModelTraits> FromMetadata(const Metadata& metadata);
};

struct Decision {
  TensorType type;
  bool is_fallback = false;  // the mixture's type does not divide the row
  // The tensor may not be quantized by rule, or keeps its type: bytes are copied.
  bool is_copy = false;
  // Quantizing to `type` without importance weights is refused (the IQ1, IQ2 and IQ3_XXS types, and
  // Q2_K in the recipe Q2_K_S; not for embeddings and the output matrix).
  bool requires_importance = false;
  // The one of RecipeOptions::tensor_types that chose the type.
  absl::optional<size_t> rule = absl::nullopt;
};

// Decides for all tensors of a model, in the order given, which must be the processing order (see
// SortForProcessing): some rules count tensors. InvalidArgument: a bad or never-matching pattern, a
// layer number beyond num_layers in a model with experts, a row that fits no type.
absl::StatusOr<std::vector<Decision>> DecideTypes(const Recipe& recipe,
                                                  const RecipeOptions& options,
                                                  const ModelTraits& traits,
                                                  absl::Span<const RecipeTensor> tensors);

// May a tensor of this name and rank (Shape::significant_rank) be quantized? No for vectors, for
// names that do not end in "weight", and for norms, routers, convolutions, position embeddings and
// others that cost little and suffer much. --leave-output-tensor comes on top.
bool IsQuantizable(absl::string_view name, size_t significant_rank);

// Case-insensitive. InvalidArgument with the names of the types that weights can be stored in.
absl::StatusOr<TensorType> ParseWeightType(absl::string_view name);

using TensorTypeRule = std::pair<std::string, TensorType>;  // pattern, type

// Reads "PATTERN=TYPE", split at the last '='. Type names are those of tensors, case-insensitive
// ("q6_k"). InvalidArgument: no '=', an empty or invalid pattern, a type nothing can be quantized
// to.
absl::StatusOr<TensorTypeRule> ParseTensorTypeRule(absl::string_view text);

// Reads the text of a --tensor-type-file: such rules, separated by white space. `file` is what
// errors call it. InvalidArgument as above, or when there is none.
absl::StatusOr<std::vector<TensorTypeRule>> ParseTensorTypeRules(absl::string_view text,
                                                                 absl::string_view file);

// Order in which tensors are decided and written: by layer number (`blk.N.`; none counts as -1),
// then by name bytewise. Returns indices into `names`.
std::vector<size_t> SortForProcessing(absl::Span<const std::string> names);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_RECIPE_H_
