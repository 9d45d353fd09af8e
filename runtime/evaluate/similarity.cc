#include "runtime/evaluate/similarity.h"

#include <cmath>

namespace gguf {

double CosineSimilarity(absl::Span<const float> a, absl::Span<const float> b) {
  double product = 0.0, squares_a = 0.0, squares_b = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    squares_a += double{a[i]} * a[i];
    squares_b += double{b[i]} * b[i];
  }
  const double scale = std::sqrt(squares_a * squares_b);
  return scale > 0.0 ? product / scale : 0.0;
}

}  // namespace gguf
