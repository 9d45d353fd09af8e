// Options of a recipe that change nothing in a certain model, and are hardly what the user meant.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_UNUSED_OPTIONS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_UNUSED_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "quantize/recipe.h"

namespace gguf {

// One sentence each: --output-tensor-type, --token-embedding-type or --leave-output-tensor without
// such a tensor, a --tensor-type pattern that decides none of the tensors it matches. `decisions`
// are what DecideTypes gives for the other arguments.
std::vector<std::string> UnusedOptions(const Recipe& recipe, const RecipeOptions& options,
                                       absl::Span<const RecipeTensor> tensors,
                                       absl::Span<const Decision> decisions);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_UNUSED_OPTIONS_H_
