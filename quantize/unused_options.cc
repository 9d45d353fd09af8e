#include "quantize/unused_options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "quantize/name_some.h"

namespace gguf {
namespace {

constexpr char kOutput[] = "output.weight";
constexpr char kTokenEmbedding[] = "token_embd.weight";

// Index of the tensor `name`; tensors.size() when there is none.
size_t Find(absl::Span<const RecipeTensor> tensors, absl::string_view name) {
  return std::find_if(tensors.begin(), tensors.end(),
                      [&](const RecipeTensor& tensor) { return tensor.name == name; }) -
         tensors.begin();
}

// Patterns of which no tensor has its type.
std::vector<std::string> IdlePatterns(const RecipeOptions& options,
                                      absl::Span<const Decision> decisions) {
  std::vector<bool> is_used(options.tensor_types.size());
  for (const Decision& decision : decisions) {
    if (decision.rule.has_value()) is_used[*decision.rule] = true;
  }
  std::vector<std::string> idle;
  for (size_t i = 0; i < is_used.size(); ++i) {
    if (!is_used[i]) idle.push_back(absl::StrCat("'", options.tensor_types[i].first, "'"));
  }
  return idle;
}

}  // namespace

std::vector<std::string> UnusedOptions(const Recipe& recipe, const RecipeOptions& options,
                                       absl::Span<const RecipeTensor> tensors,
                                       absl::Span<const Decision> decisions) {
  std::vector<std::string> warnings;
  if (options.copy) return warnings;
  const size_t embedding = Find(tensors, kTokenEmbedding);
  const bool has_embedding = embedding < tensors.size();
  const bool has_output = Find(tensors, kOutput) < tensors.size();
  // The mixture treats tied embeddings as the output matrix, unless something else decides them.
  const bool is_tied = !has_output && has_embedding && recipe.is_quantized && !options.pure &&
                       !recipe.is_uniform && !options.token_embedding_type.has_value() &&
                       !decisions[embedding].rule.has_value();
  constexpr char kTied[] = " (its token embeddings serve as one: see --token-embedding-type)";
  if (options.output_tensor_type.has_value() && !has_output && !is_tied) {
    warnings.push_back(absl::StrCat("--output-tensor-type has no effect: the model has no ",
                                    kOutput, has_embedding ? kTied : ""));
  }
  if (options.leave_output_tensor && !has_output) {
    warnings.push_back(absl::StrCat("--leave-output-tensor has no effect: the model has no ",
                                    kOutput, has_embedding ? kTied : ""));
  }
  if (options.token_embedding_type.has_value() && !has_embedding) {
    warnings.push_back(
        absl::StrCat("--token-embedding-type has no effect: the model has no ", kTokenEmbedding));
  }
  if (!recipe.is_quantized) return warnings;
  const std::vector<std::string> idle = IdlePatterns(options, decisions);
  if (!idle.empty()) {
    warnings.push_back(absl::StrCat(
        "--tensor-type ", NameSome(idle, "s"),
        " decides no tensor: all that it matches are never quantized, or an earlier pattern, "
        "--token-embedding-type or --output-tensor-type comes first"));
  }
  return warnings;
}

}  // namespace gguf
