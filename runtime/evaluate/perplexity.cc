#include "runtime/evaluate/perplexity.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {

double PerplexityResult::perplexity() const { return std::exp(nll.mean()); }

double PerplexityResult::standard_error() const { return perplexity() * nll.standard_error(); }

absl::StatusOr<PerplexityResult> MeasurePerplexity(const TextWindows& windows, Decoder* decoder,
                                                   int threads, LogitsBaseWriter* base,
                                                   const PerplexityProgress& progress) {
  PerplexityResult result;
  std::vector<double> nll;
  const auto visit = [&](absl::Span<const ScoredRow> rows) -> absl::Status {
    nll.resize(rows.size());
    GGUF_RETURN_IF_ERROR(ParallelFor(rows.size(), threads, [&](uint64_t i, int) {
      nll[i] = Normalize(rows[i].logits).log_sum - rows[i].logits[rows[i].target];
      return absl::OkStatus();
    }));
    for (const double value : nll) {
      if (!std::isfinite(value)) {
        return absl::FailedPreconditionError(
            absl::StrCat(decoder->model().path(), " gives logits that are no numbers in window ",
                         result.windows + 1, "; check its weights with 'gguf verify'"));
      }
      result.nll.Add(value);
    }
    return base != nullptr ? base->Append(rows, threads) : absl::OkStatus();
  };
  const auto end_window = [&](uint32_t done) {
    result.windows = done;
    return progress(result);
  };
  GGUF_RETURN_IF_ERROR(VisitWindows(windows, decoder, visit, end_window));
  return result;
}

}  // namespace gguf
