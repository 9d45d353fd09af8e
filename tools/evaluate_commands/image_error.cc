#include "tools/evaluate_commands/image_error.h"

#include <algorithm>
#include <cmath>

#include "absl/types/span.h"
#include "runtime/evaluate/similarity.h"

namespace gguf {

void CompareEmbeddings(const std::vector<float>& rows, const std::vector<float>& expected,
                       size_t length, gguf_toolchain::ImageResult* result) {
  const size_t tokens = rows.size() / length;
  double sum = 0.0, least = 1.0;
  for (size_t i = 0; i < tokens; ++i) {
    const double cosine =
        CosineSimilarity(absl::MakeConstSpan(rows).subspan(i * length, length),
                         absl::MakeConstSpan(expected).subspan(i * length, length));
    sum += cosine;
    least = std::min(least, cosine);
  }
  double squares = 0.0, all = 0.0, largest = 0.0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double error = double{rows[i]} - expected[i];
    squares += error * error;
    all += double{expected[i]} * expected[i];
    largest = std::max(largest, std::abs(error));
  }
  result->set_mean_cosine(sum / tokens);
  result->set_min_cosine(least);
  result->mutable_error()->set_rmse(std::sqrt(squares / rows.size()));
  result->mutable_error()->set_relative_rmse(all > 0.0 ? std::sqrt(squares / all) : 0.0);
  result->mutable_error()->set_max_abs_error(largest);
}

}  // namespace gguf
