#include "tools/advice/quality.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// Raw string literals that the build makes of the two tables.
constexpr char kPublishedText[] =
#include "tools/advice/published_quality.inc"
    ;
constexpr char kMeasuredText[] =
#include "tools/advice/measured_quality.inc"
    ;

constexpr double kUnquantizedPerplexity = 6.2316;  // of the published table
constexpr double kMostDivergence = 100;

absl::StatusOr<double> ParseFigure(absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !(value >= 0) || value > kMostDivergence) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "', expected a number from 0 to ", kMostDivergence));
  }
  return value;
}

absl::StatusOr<bool> ParseYesNo(absl::string_view text) {
  if (text == "yes") return true;
  if (text == "no") return false;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "', expected yes or no"));
}

// "| a | b |" -> {"a", "b"}; empty when the line is no row of a table.
std::vector<absl::string_view> MarkdownCells(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.size() < 2 || line.front() != '|' || line.back() != '|') return {};
  std::vector<absl::string_view> cells = absl::StrSplit(line.substr(1, line.size() - 2), '|');
  for (absl::string_view& cell : cells) cell = absl::StripAsciiWhitespace(cell);
  return cells;
}

const QualityFigure* Find(const std::vector<QualityFigure>& figures, absl::string_view type,
                          bool may_have_importance) {
  const QualityFigure* found = nullptr;
  for (const QualityFigure& figure : figures) {
    if (!absl::EqualsIgnoreCase(figure.type, type)) continue;
    if (figure.has_importance && !may_have_importance) continue;
    if (found == nullptr || figure.has_importance) found = &figure;
  }
  return found;
}

absl::Status InLine(size_t number, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", status.message()));
}

}  // namespace

const QualityTables& QualityTables::Get() {
  static const QualityTables* const tables = [] {
    absl::StatusOr<QualityTables> parsed = Parse(kPublishedText, kMeasuredText);
    // quality_test parses them, so that a build that passed its tests never gets here.
    return new QualityTables(parsed.ok() ? *std::move(parsed) : QualityTables());
  }();
  return *tables;
}

absl::StatusOr<QualityTables> QualityTables::Parse(absl::string_view published,
                                                   absl::string_view measured) {
  QualityTables tables;
  GGUF_RETURN_IF_ERROR(tables.ParsePublished(published));
  GGUF_RETURN_IF_ERROR(tables.ParseMeasured(measured));
  return tables;
}

absl::Status QualityTables::ParsePublishedLine(const std::vector<absl::string_view>& cells) {
  if (cells[0] == "source" && cells.size() == 3) {
    (cells[1] == "weights" ? weights_source_ : cache_source_) = std::string(cells[2]);
    return absl::OkStatus();
  }
  if (cells[0] == "weights" && cells.size() == 5) {
    QualityFigure figure;
    figure.type = std::string(cells[1]);
    GGUF_ASSIGN_OR_RETURN(figure.has_importance, ParseYesNo(cells[2]));
    GGUF_ASSIGN_OR_RETURN(const double rise, ParseFigure(cells[3]));
    figure.perplexity_rise = rise / kUnquantizedPerplexity;
    GGUF_ASSIGN_OR_RETURN(figure.divergence, ParseFigure(cells[4]));
    published_.push_back(std::move(figure));
    return absl::OkStatus();
  }
  if (cells[0] == "cache" && cells.size() == 4) {
    CacheFigure figure;
    GGUF_ASSIGN_OR_RETURN(figure.keys, ParseTensorType(cells[1]));
    GGUF_ASSIGN_OR_RETURN(figure.values, ParseTensorType(cells[2]));
    GGUF_ASSIGN_OR_RETURN(figure.divergence, ParseFigure(cells[3]));
    caches_.push_back(figure);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("'", cells[0], "' with ", cells.size() - 1,
                                                 " values, expected source, weights or cache"));
}

absl::Status QualityTables::ParsePublished(absl::string_view text) {
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const absl::Status status = ParsePublishedLine(absl::StrSplit(line, '\t'));
    if (!status.ok()) return InLine(number, status);
  }
  return absl::OkStatus();
}

absl::Status QualityTables::ParseMeasured(absl::string_view text) {
  constexpr absl::string_view kColumns[] = {"type", "importance", "KL: reference", "same top word"};
  size_t columns[std::size(kColumns)];
  size_t number = 0, num_columns = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<absl::string_view> cells = MarkdownCells(line);
    if (cells.empty() || absl::StartsWith(cells[0], "---")) continue;
    if (num_columns == 0) {
      for (size_t i = 0; i < std::size(kColumns); ++i) {
        columns[i] = std::find(cells.begin(), cells.end(), kColumns[i]) - cells.begin();
        if (columns[i] + 1 < cells.size() + (i == 2 ? 0 : 1)) continue;
        return InLine(number, absl::InvalidArgumentError(
                                  absl::StrCat("expected a column '", kColumns[i], "'")));
      }
      num_columns = cells.size();
      continue;
    }
    if (cells.size() != num_columns) {
      return InLine(number, absl::InvalidArgumentError(
                                absl::StrCat(cells.size(), " cells, expected ", num_columns)));
    }
    QualityFigure figure;
    figure.type = std::string(cells[columns[0]]);
    const absl::StatusOr<bool> importance = ParseYesNo(cells[columns[1]]);
    // The column behind that of the reference is that of the default effort.
    const absl::StatusOr<double> divergence = ParseFigure(cells[columns[2] + 1]);
    const absl::StatusOr<double> same_top = ParseFigure(cells[columns[3]]);
    for (const absl::Status& status :
         {importance.status(), divergence.status(), same_top.status()}) {
      if (!status.ok()) return InLine(number, status);
    }
    figure.has_importance = *importance;
    figure.divergence = *divergence;
    figure.same_top = *same_top;
    measured_.push_back(std::move(figure));
  }
  if (!measured_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("no table of measured quality, expected rows of '| type |'");
}

const QualityFigure* QualityTables::Published(absl::string_view type,
                                              bool may_have_importance) const {
  return Find(published_, type, may_have_importance);
}

const QualityFigure* QualityTables::Measured(absl::string_view type,
                                             bool may_have_importance) const {
  return Find(measured_, type, may_have_importance);
}

double QualityTables::CacheDivergence(TensorType keys, TensorType values) const {
  for (const CacheFigure& figure : caches_) {
    if (figure.keys == keys && figure.values == values) return figure.divergence;
  }
  return -1;
}

}  // namespace gguf
