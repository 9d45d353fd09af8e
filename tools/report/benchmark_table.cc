#include "tools/report/benchmark_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "tools/report/figures.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;
using gguf_toolchain::BenchmarkResult;
using gguf_toolchain::Repeated;

// "812 ± 3 %": the median, and half the range of the runs.
std::string Spread(const Repeated& figure) {
  std::string text = Significant(figure.median(), 3);
  if (figure.values_size() < 2 || figure.median() <= 0) return text;
  const double half = (figure.most() - figure.least()) / 2 / figure.median();
  return absl::StrFormat("%s ± %.0f %%", text, 100 * half);
}

struct Column {
  const char* title;
  std::string (*cell)(const BenchmarkModel&);  // "" for no figure
};

constexpr Column kQualityColumns[] = {
    {"model", [](const BenchmarkModel& m) { return m.name(); }},
    {"size", [](const BenchmarkModel& m) { return SizeText(m.file_bytes()); }},
    {"bits", [](const BenchmarkModel& m) { return absl::StrFormat("%.2f", m.bits_per_weight()); }},
    {"perplexity",
     [](const BenchmarkModel& m) {
       return m.has_divergence()
                  ? WithError(m.divergence().perplexity(), m.divergence().perplexity_stderr())
                  : WithError(m.perplexity().perplexity(), m.perplexity().perplexity_stderr());
     }},
    {"KL divergence",
     [](const BenchmarkModel& m) {
       return m.has_divergence()
                  ? WithError(m.divergence().mean_kld(), m.divergence().mean_kld_stderr())
                  : std::string();
     }},
    {"same top",
     [](const BenchmarkModel& m) {
       return m.has_divergence() ? Percent(m.divergence().top1_agreement()) : std::string();
     }},
    {"choice %",
     [](const BenchmarkModel& m) {
       return m.has_choice()
                  ? WithError(100 * m.choice().accuracy(), 100 * m.choice().accuracy_stderr())
                  : std::string();
     }},
    {"error",
     [](const BenchmarkModel& m) {
       return m.tensors_size() > 0 ? Percent(m.error().relative_rmse()) : std::string();
     }},
};

constexpr Column kSpeedColumns[] = {
    {"model", [](const BenchmarkModel& m) { return m.name(); }},
    {"prompt tokens/s",
     [](const BenchmarkModel& m) { return Spread(m.prompt_tokens_per_second()); }},
    {"generated tokens/s", [](const BenchmarkModel& m) { return Spread(m.tokens_per_second()); }},
    {"first token",
     [](const BenchmarkModel& m) { return Seconds(m.first_token_seconds().median()); }},
    {"loading", [](const BenchmarkModel& m) { return Seconds(m.load_seconds().median()); }},
    {"memory",
     [](const BenchmarkModel& m) {
       return m.peak_bytes() > 0 ? SizeText(m.peak_bytes()) : std::string();
     }},
};

BenchmarkTable MakeTable(const BenchmarkResult& result, absl::Span<const Column> columns) {
  BenchmarkTable table;
  table.rows.resize(result.models_size());
  for (const Column& column : columns) {
    std::vector<std::string> cells;
    for (const BenchmarkModel& model : result.models()) cells.push_back(column.cell(model));
    if (std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return cell.empty(); })) {
      continue;
    }
    table.header.push_back(column.title);
    for (size_t i = 0; i < cells.size(); ++i) table.rows[i].push_back(std::move(cells[i]));
  }
  return table;
}

}  // namespace

BenchmarkTable QualityTable(const BenchmarkResult& result) {
  return MakeTable(result, kQualityColumns);
}

BenchmarkTable SpeedTable(const BenchmarkResult& result) {
  return MakeTable(result, kSpeedColumns);
}

bool ComparesDivergence(const BenchmarkResult& result) {
  return result.models_size() > 1 &&
         std::all_of(result.models().begin(), result.models().end(),
                     [](const BenchmarkModel& m) { return m.is_base() || m.has_divergence(); });
}

double PerplexityOf(const BenchmarkModel& model) {
  return model.has_divergence() ? model.divergence().perplexity() : model.perplexity().perplexity();
}

double QualityOf(const BenchmarkModel& model, bool by_divergence) {
  return by_divergence ? model.divergence().mean_kld() : PerplexityOf(model);
}

double QualityErrorOf(const BenchmarkModel& model, bool by_divergence) {
  if (by_divergence) return model.divergence().mean_kld_stderr();
  return model.has_divergence() ? model.divergence().perplexity_stderr()
                                : model.perplexity().perplexity_stderr();
}

std::vector<int> BeatenBy(const BenchmarkResult& result) {
  const bool by_divergence = ComparesDivergence(result);
  std::vector<int> beaten(result.models_size(), -1);
  for (int i = 0; i < result.models_size(); ++i) {
    const BenchmarkModel& model = result.models(i);
    if (by_divergence && model.is_base()) continue;
    const double size = model.file_bytes(), quality = QualityOf(model, by_divergence);
    for (int k = 0; k < result.models_size() && beaten[i] < 0; ++k) {
      const BenchmarkModel& other = result.models(k);
      if (k == i || (by_divergence && other.is_base())) continue;
      const double other_quality = QualityOf(other, by_divergence);
      if (other.file_bytes() > size || other_quality > quality) continue;
      if (other.file_bytes() < size || other_quality < quality) beaten[i] = k;
    }
  }
  return beaten;
}

std::string FrontInWords(const BenchmarkResult& result) {
  const std::vector<int> beaten = BeatenBy(result);
  const bool by_divergence = ComparesDivergence(result);
  std::vector<std::string> front, behind;
  for (int i = 0; i < result.models_size(); ++i) {
    const BenchmarkModel& model = result.models(i);
    if (by_divergence && model.is_base()) continue;
    if (beaten[i] < 0) {
      front.push_back(model.name());
    } else {
      behind.push_back(absl::StrCat(model.name(), " (by ", result.models(beaten[i]).name(), ")"));
    }
  }
  if (front.size() + behind.size() < 2) return "";
  return absl::StrCat(
      "Worth ", front.size() == 1 ? "its" : "their", " size: ", absl::StrJoin(front, ", "), ".",
      behind.empty()
          ? ""
          : absl::StrCat(" Beaten by one that is no larger: ", absl::StrJoin(behind, ", "), "."));
}

}  // namespace gguf
