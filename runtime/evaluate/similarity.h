// Likeness of embeddings.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_SIMILARITY_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_SIMILARITY_H_

#include "absl/types/span.h"

namespace gguf {

// sum a b / sqrt(sum a^2 sum b^2), summed in double; 0 when a vector is zero. Equal lengths.
double CosineSimilarity(absl::Span<const float> a, absl::Span<const float> b);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_SIMILARITY_H_
