#include "runtime/evaluate/divergence.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {

TokenDivergence Diverge(absl::Span<const float> logits, absl::Span<const float> base, float floor,
                        int32_t target) {
  const LogNormalizer normal = Normalize(logits);
  TokenDivergence result;
  size_t base_top = 0;
  double kld = 0.0;
  for (size_t i = 0; i < base.size(); ++i) {
    if (base[i] > base[base_top]) base_top = i;
    const float p = std::exp(base[i]);
    if (p > 0.0f) kld += p * (base[i] - (logits[i] - normal.log_sum));
  }
  result.kld = kld < 0.0 ? 0.0 : kld;  // below only by rounding; NaN stays
  result.nll = normal.log_sum - logits[target];
  result.base_nll = -std::max(base[target], floor);
  result.same_top = base_top == normal.argmax;
  return result;
}

void DivergenceResult::Add(const TokenDivergence& token) {
  kld_.Add(token.kld);
  values_.push_back(static_cast<float>(token.kld));
  nll_.Add(token.nll);
  base_nll_.Add(token.base_nll);
  log_ratio_.Add(token.nll - token.base_nll);
  const double delta = std::exp(-token.nll) - std::exp(-token.base_nll);
  delta_p_.Add(delta);
  delta_p_squared_.Add(delta * delta);
  if (token.same_top) ++same_top_;
}

double DivergenceResult::rms_delta_p() const { return std::sqrt(delta_p_squared_.mean()); }

double DivergenceResult::rms_delta_p_stderr() const {
  const double rms = rms_delta_p();
  return rms > 0.0 ? 0.5 / rms * delta_p_squared_.standard_error() : 0.0;
}

std::vector<float> DivergenceResult::SortedKld() const {
  std::vector<float> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

absl::StatusOr<DivergenceResult> MeasureDivergence(const TextWindows& windows,
                                                   LogitsBaseReader* base, Decoder* decoder,
                                                   int threads,
                                                   const DivergenceProgress& progress) {
  DivergenceResult result;
  std::vector<TokenDivergence> tokens;
  std::vector<std::vector<float>> scratch(threads, std::vector<float>(base->vocabulary()));
  const auto visit = [&](absl::Span<const ScoredRow> rows) -> absl::Status {
    GGUF_RETURN_IF_ERROR(base->ReadRows(rows.size()));
    tokens.resize(rows.size());
    GGUF_RETURN_IF_ERROR(
        ParallelFor(rows.size(), threads, [&](uint64_t i, int thread) -> absl::Status {
          float floor = 0.0f;
          GGUF_RETURN_IF_ERROR(base->DecodeRow(i, absl::MakeSpan(scratch[thread]), &floor));
          tokens[i] = Diverge(rows[i].logits, scratch[thread], floor, rows[i].target);
          return absl::OkStatus();
        }));
    for (const TokenDivergence& token : tokens) {
      if (!std::isfinite(token.kld) || !std::isfinite(token.nll)) {
        return absl::FailedPreconditionError(
            absl::StrCat(decoder->model().path(), " gives logits that are no numbers; check its ",
                         "weights with 'gguf verify'"));
      }
      result.Add(token);
    }
    return absl::OkStatus();
  };
  GGUF_RETURN_IF_ERROR(
      VisitWindows(windows, decoder, visit, [&](uint32_t done) { return progress(result, done); }));
  GGUF_RETURN_IF_ERROR(base->ExpectEnd());
  return result;
}

}  // namespace gguf
