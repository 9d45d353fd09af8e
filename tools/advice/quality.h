// What types cost a model: figures that others have published, and those measured by this project.
//
// Both are data. published_quality.tsv beside this file says where its figures come from; ours are
// the table "What it costs a model" of docs/quality.md, taken from there when this is built.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_QUALITY_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_QUALITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/tensor_type.h"

namespace gguf {

// Of one recipe, as a whole file has it.
struct QualityFigure {
  std::string type;             // "Q4_K_M"
  bool has_importance = false;  // quantized with importance data
  // Mean Kullback-Leibler divergence from the unquantized model, in nats per token.
  double divergence = 0;
  // Published: perplexity / that of the unquantized model - 1. Measured: 0.
  double perplexity_rise = 0;
  // Measured: how often the likeliest token is the same, 0 to 1. Published: 0.
  double same_top = 0;
};

class QualityTables {
 public:
  // The figures built into the program.
  static const QualityTables& Get();

  // Reads tables of these forms. InvalidArgument names the line.
  static absl::StatusOr<QualityTables> Parse(absl::string_view published,
                                             absl::string_view measured);

  // The figure of a recipe: with `may_have_importance` that with importance data where there is
  // one, else that without. Null when there is none.
  const QualityFigure* Published(absl::string_view type, bool may_have_importance) const;
  const QualityFigure* Measured(absl::string_view type, bool may_have_importance) const;

  // Divergence that a cache of these types adds; negative when nothing is published.
  double CacheDivergence(TensorType keys, TensorType values) const;

  const std::vector<QualityFigure>& published() const { return published_; }
  const std::vector<QualityFigure>& measured() const { return measured_; }
  const std::string& weights_source() const { return weights_source_; }
  const std::string& cache_source() const { return cache_source_; }

 private:
  struct CacheFigure {
    TensorType keys, values;
    double divergence;
  };

  absl::Status ParsePublished(absl::string_view text);
  absl::Status ParsePublishedLine(const std::vector<absl::string_view>& cells);
  absl::Status ParseMeasured(absl::string_view text);

  std::vector<QualityFigure> published_, measured_;
  std::vector<CacheFigure> caches_;
  std::string weights_source_, cache_source_;
};

// Where our own figures come from, for people.
inline constexpr char kMeasuredSource[] =
    "this project's small trained model, docs/quality.md, effort standard";

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_QUALITY_H_
