#include "tools/quality_commands/bounds.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/optional.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "quantize/name_pattern.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::BoundResult;
using gguf_toolchain::QualityCheck;
using gguf_toolchain::QualityResult;

double MeanKl(const QualityResult& r) { return r.divergence().mean_kld(); }
double KlOf99Percent(const QualityResult& r) { return r.divergence().p99_kld(); }
double Perplexity(const QualityResult& r) { return r.divergence().perplexity(); }
double SameTop(const QualityResult& r) { return r.divergence().top1_agreement(); }
double FileBytes(const QualityResult& r) { return r.file_bytes(); }
double TotalError(const QualityResult& r) { return r.error().relative_rmse(); }
double PerplexityRise(const QualityResult& r) {
  return r.divergence().perplexity() / r.divergence().base_perplexity() - 1;
}

// option, figure, help, is_least, is_size, of_tensors, needs_base, of_model
constexpr BoundRow kRows[] = {
    {"--max-error", "relative RMSE",
     "of each tensor, relative RMSE against its source; PATTERN=NUMBER: of the tensors in whose "
     "name a regular expression is found",
     false, false, true, false, nullptr},
    {"--max-total-error", "relative RMSE over all values", "relative RMSE over all values", false,
     false, false, false, TotalError},
    {"--max-kl", "mean KL divergence", "mean KL divergence from the base, in nats per token", false,
     false, false, true, MeanKl},
    {"--max-kl-99", "KL divergence that 99 % of tokens are below",
     "KL divergence that 99 % of tokens are below", false, false, false, true, KlOf99Percent},
    {"--max-perplexity", "perplexity", "perplexity on the base's text", false, false, false, true,
     Perplexity},
    {"--max-perplexity-rise", "rise of perplexity",
     "perplexity divided by the base's, less 1: 0.02 is 2 %", false, false, false, true,
     PerplexityRise},
    {"--min-same-top", "share of tokens with the same likeliest successor",
     "share of tokens whose likeliest successor is the base's, 0 to 1", true, false, false, true,
     SameTop},
    {"--max-size", "size", "size of all files, such as 4.5GiB", false, true, false, false,
     FileBytes},
};

// PATTERN=NUMBER, or a number alone.
struct ParsedBound {
  absl::optional<NamePattern> pattern;
  double number = 0.0;
};

absl::StatusOr<ParsedBound> Parse(const GivenBound& given) {
  const auto error = [&given](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(given.row->option, " '", EscapeText(given.text, 200), "': ", what));
  };
  ParsedBound bound;
  absl::string_view number = given.text;
  // The number has no '=', a pattern may.
  const size_t split = number.rfind('=');
  if (given.row->of_tensors && split != absl::string_view::npos) {
    absl::StatusOr<NamePattern> pattern = NamePattern::Create(number.substr(0, split));
    if (!pattern.ok()) return error(pattern.status().message());
    bound.pattern = *std::move(pattern);
    number.remove_prefix(split + 1);
  }
  if (given.row->is_size) {
    const absl::StatusOr<uint64_t> bytes = ParseSize(number);
    if (!bytes.ok()) return error(bytes.status().message());
    bound.number = static_cast<double>(*bytes);
  } else if (!absl::SimpleAtod(number, &bound.number) || !std::isfinite(bound.number) ||
             bound.number < 0) {
    return error("expected a number of at least 0");
  }
  return bound;
}

// Not a number meets no bound.
bool IsMet(double value, double bound, bool is_least) {
  return is_least ? value >= bound : value <= bound;
}

// Nothing is worse than not a number.
bool IsWorse(double error, double than) {
  return !std::isnan(than) && (std::isnan(error) || error > than);
}

BoundResult Describe(const BoundRow& row, double value, double bound) {
  BoundResult result;
  result.set_figure(row.figure);
  result.set_value(value);
  result.set_bound(bound);
  result.set_is_least(row.is_least);
  result.set_is_met(IsMet(value, bound, row.is_least));
  return result;
}

// Which of `bounds` concerns the tensor; -1: none.
absl::StatusOr<int> BoundOf(const std::string& tensor, absl::Span<const GivenBound> given,
                            absl::Span<const ParsedBound> bounds) {
  int found = -1;
  bool is_by_pattern = false;
  for (size_t i = 0; i < bounds.size(); ++i) {
    if (!given[i].row->of_tensors) continue;
    if (!bounds[i].pattern) {
      if (!is_by_pattern) found = static_cast<int>(i);
      continue;
    }
    GGUF_ASSIGN_OR_RETURN(const bool is_in, bounds[i].pattern->IsIn(tensor));
    if (!is_in) continue;
    found = static_cast<int>(i);
    is_by_pattern = true;
  }
  return found;
}

// The worst tensor under each bound of tensors: none where no tensor is concerned.
absl::StatusOr<std::vector<absl::optional<BoundResult>>> WorstTensors(
    const QualityResult& figures, absl::Span<const GivenBound> given,
    absl::Span<const ParsedBound> bounds) {
  std::vector<absl::optional<BoundResult>> worst(bounds.size());
  for (const gguf_toolchain::TensorResult& tensor : figures.tensors()) {
    GGUF_ASSIGN_OR_RETURN(const int i, BoundOf(tensor.name(), given, bounds));
    if (i < 0) continue;
    const double error = tensor.error().relative_rmse();
    if (worst[i] && !IsWorse(error, worst[i]->value())) continue;
    worst[i] = Describe(*given[i].row, error, bounds[i].number);
    worst[i]->set_tensor(tensor.name());
  }
  return worst;
}

std::string Number(double value, bool is_size) {
  return is_size ? absl::StrFormat("%.0f bytes", value) : absl::StrFormat("%.6g", value);
}

}  // namespace

absl::Span<const BoundRow> BoundRows() { return kRows; }

absl::StatusOr<QualityCheck> CheckBounds(const QualityResult& figures,
                                         absl::Span<const GivenBound> bounds) {
  std::vector<ParsedBound> parsed;
  for (const GivenBound& given : bounds) {
    GGUF_ASSIGN_OR_RETURN(ParsedBound bound, Parse(given));
    parsed.push_back(std::move(bound));
  }
  QualityCheck check;
  check.set_schema_version(kSchemaVersion);
  check.set_model(figures.model());
  *check.mutable_findings() = figures.findings();
  GGUF_ASSIGN_OR_RETURN(const auto worst, WorstTensors(figures, bounds, parsed));
  bool is_met = figures.findings().empty();
  for (size_t i = 0; i < bounds.size(); ++i) {
    const BoundRow& row = *bounds[i].row;
    if (row.of_tensors && !worst[i]) {
      return absl::InvalidArgumentError(absl::StrCat(
          row.option, " '", EscapeText(bounds[i].text, 200), "': concerns no tensor of ",
          EscapeText(figures.model()), ", expected a pattern that is found in some name"));
    }
    if (row.needs_base && !figures.has_divergence()) {
      return absl::InvalidArgumentError(absl::StrCat(row.option, ": the ", row.figure, " of ",
                                                     EscapeText(figures.model()),
                                                     " was not measured; measure with --base"));
    }
    *check.add_bounds() =
        row.of_tensors ? *worst[i] : Describe(row, row.of_model(figures), parsed[i].number);
    is_met = is_met && check.bounds(static_cast<int>(i)).is_met();
  }
  check.set_is_met(is_met);
  return check;
}

std::string CheckText(const QualityCheck& check) {
  std::string text;
  for (const BoundResult& bound : check.bounds()) {
    const bool is_size = bound.figure() == absl::string_view("size");
    absl::StrAppend(
        &text, bound.is_met() ? "met     " : "MISSED  ", EscapeText(check.model()), ": ",
        bound.tensor().empty() ? "" : absl::StrCat("tensor '", EscapeText(bound.tensor()), "': "),
        bound.figure(), " is ", Number(bound.value(), is_size), ", expected at ",
        bound.is_least() ? "least " : "most ", Number(bound.bound(), is_size), "\n");
  }
  for (const std::string& finding : check.findings()) {
    absl::StrAppend(&text, "FAULT   ", EscapeText(check.model()), ": ", EscapeText(finding), "\n");
  }
  return text;
}

}  // namespace gguf
