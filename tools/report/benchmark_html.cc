// The page of a benchmark.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/report/bar_plot.h"
#include "tools/report/benchmark_report.h"
#include "tools/report/benchmark_table.h"
#include "tools/report/error_map.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"
#include "tools/report/quality_plot.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;
using gguf_toolchain::BenchmarkResult;
using gguf_toolchain::Repeated;

// Blue and orange of Okabe and Ito, and one hue by lightness, are told apart by those who see
// colours otherwise too. In dark mode the least error is darkest, as it is lightest on white.
constexpr char kStyle[] = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#18212b;--soft:#566372;--line:#dbe1e8;
--raised:#f5f7f9;--blue:#0072b2;--orange:#c8641b;--warn:#8a4b00;--e0:#eaf3fb;--e1:#cfe2f3;
--e2:#abd0e8;--e3:#7fb7da;--e4:#539ecb;--e5:#2f81bb;--e6:#1764a3;--e7:#0a4a85;--e8:#08305f}
@media(prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e4e9ee;--soft:#9ba8b5;
--line:#2f3843;--raised:#1a2027;--blue:#56b4e9;--orange:#e69f00;--warn:#f0b35a;--e0:#16293c;
--e1:#183a59;--e2:#1b4c76;--e3:#205f93;--e4:#2c77b2;--e5:#4a93cb;--e6:#74afdd;--e7:#a4cdec;
--e8:#d8ecfb}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:62rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .75rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
.note{color:var(--soft);font-size:.875rem}
.warning{color:var(--warn)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:1rem 0;
font-size:.875rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums;
margin:1rem 0}
th,td{padding:.4rem .6rem;text-align:right;border-bottom:1px solid var(--line);
white-space:nowrap}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere}
td:first-child{font-weight:600}
tr.base td:first-child::after{content:" base";color:var(--soft);font-weight:400}
svg{display:block;width:100%;height:auto;overflow:visible;font-size:13px}
svg text{fill:var(--ink)}
svg .tick{fill:var(--soft);font-size:12px}
svg .name{font-weight:600}
.grid{stroke:var(--line)}
.axis{stroke:var(--soft)}
.front{fill:none;stroke:var(--blue);stroke-width:2;stroke-linejoin:round;opacity:.55}
.point{fill:var(--blue);stroke:var(--paper);stroke-width:1.5}
.behind{fill:var(--paper);stroke:var(--soft);stroke-width:2}
.bar{stroke:var(--soft)}
.leader{stroke:var(--soft);stroke-dasharray:2 2}
.range{stroke:var(--ink);stroke-width:1.5}
.blue{fill:var(--blue)}
.orange{fill:var(--orange)}
.grey{fill:var(--soft)}
.e0{fill:var(--e0)}.e1{fill:var(--e1)}.e2{fill:var(--e2)}.e3{fill:var(--e3)}.e4{fill:var(--e4)}
.e5{fill:var(--e5)}.e6{fill:var(--e6)}.e7{fill:var(--e7)}.e8{fill:var(--e8)}
.exact{fill:var(--raised);stroke:var(--line)}
figure{margin:1rem 0}
figcaption{color:var(--soft);font-size:.875rem;max-width:46rem}
.panels{display:grid;grid-template-columns:1fr 1fr;gap:1.75rem 2.5rem;margin:1rem 0}
.legend{max-width:450px}
.narrow{display:none}
details{margin:1rem 0}
summary{cursor:pointer;color:var(--blue)}
.scroll{overflow-x:auto;max-width:100%}
@media(max-width:720px){.panels{grid-template-columns:1fr}.narrow{display:block;max-width:480px}
.wide{display:none}.panels svg{max-width:480px}dl{grid-template-columns:1fr}dd{margin:0 0 .4rem}
table.cards,table.cards tbody,table.cards tr{display:block}table.cards thead{display:none}
table.cards tr{background:var(--raised);border-radius:8px;padding:.6rem .8rem;margin:.6rem 0}
table.cards td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0}
table.cards td:empty{display:none}
table.cards td::before{content:attr(data-name);color:var(--soft)}
table.cards td:first-child{font-size:1rem;justify-content:flex-start;gap:.4rem}
table.cards td:first-child::before{content:none}}
)css";

// A table that becomes a card per model on a narrow screen.
std::string HtmlTable(const BenchmarkTable& table, const BenchmarkResult& result) {
  std::string html = "<table class=cards><thead><tr>";
  for (const std::string& title : table.header) {
    absl::StrAppend(&html, "<th scope=col>", EscapeHtml(title), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead><tbody>\n");
  for (size_t i = 0; i < table.rows.size(); ++i) {
    absl::StrAppend(&html,
                    result.models(static_cast<int>(i)).is_base() ? "<tr class=base>" : "<tr>");
    for (size_t column = 0; column < table.header.size(); ++column) {
      absl::StrAppend(&html, "<td data-name=\"", EscapeHtml(table.header[column]), "\">",
                      EscapeHtml(table.rows[i][column]), "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return html + "</tbody></table>\n";
}

std::string Head(const BenchmarkResult& result) {
  const std::string title = EscapeHtml(BenchmarkTitle(result));
  std::string html = absl::StrCat(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n<meta name=viewport "
      "content=\"width=device-width,initial-scale=1\">\n<title>",
      title, "</title>\n<link rel=icon href=\"data:,\">\n<style>", kStyle,
      "</style></head><body>\n<h1>", title, "</h1>\n");
  const std::string front = FrontInWords(result);
  if (!front.empty()) absl::StrAppend(&html, "<p>", EscapeHtml(front), "</p>\n");
  absl::StrAppend(&html, "<dl>");
  for (const auto& [name, value] : BenchmarkFacts(result)) {
    absl::StrAppend(&html, "<dt>", EscapeHtml(name), "</dt><dd>", EscapeHtml(value), "</dd>\n");
  }
  absl::StrAppend(&html, "</dl>\n");
  for (const std::string& warning : result.warnings()) {
    absl::StrAppend(&html, "<p class=warning>Warning: ", EscapeHtml(warning), "</p>\n");
  }
  return html;
}

std::string QualitySection(const BenchmarkResult& result) {
  std::string html = "<section id=quality><h2>Quality against size</h2>\n";
  const std::string wide = QualityPlot(result, 960, 420, "wide");
  if (!wide.empty()) {
    absl::StrAppend(&html, "<figure>", wide, QualityPlot(result, 358, 340, "narrow"),
                    "<figcaption>Lower is better, left is smaller. Line: models that no other "
                    "beats in both; hollow: beaten ones. Vertical strokes: standard error.",
                    ComparesDivergence(result)
                        ? absl::StrCat(" Logarithmic scale; the base, ", EscapeHtml(result.base()),
                                       ", has divergence 0.")
                        : "",
                    "</figcaption></figure>\n");
  }
  return absl::StrCat(html, HtmlTable(QualityTable(result), result), "<p class=note>", kQualityNote,
                      "</p></section>\n");
}

std::vector<Bar> BarsOf(const BenchmarkResult& result,
                        const Repeated& (BenchmarkModel::*figure)() const,
                        std::string (*text)(double)) {
  std::vector<Bar> bars;
  for (const BenchmarkModel& model : result.models()) {
    const Repeated& runs = (model.*figure)();
    bars.push_back({model.name(), runs.median(), runs.least(), runs.most(), text(runs.median())});
  }
  return bars;
}

std::string SpeedSection(const BenchmarkResult& result) {
  const auto rate = [](double value) { return Significant(value, 3); };
  std::vector<Bar> memory;
  for (const BenchmarkModel& model : result.models()) {
    const double bytes = model.peak_bytes();
    memory.push_back({model.name(), bytes, bytes, bytes, SizeText(bytes)});
  }
  return absl::StrCat(
      "<section id=speed><h2>Speed and memory</h2>\n<div class=panels>",
      BarPlot("Prompt, tokens per second",
              BarsOf(result, &BenchmarkModel::prompt_tokens_per_second, rate), "blue"),
      BarPlot("Generation, tokens per second",
              BarsOf(result, &BenchmarkModel::tokens_per_second, rate), "blue"),
      BarPlot("Time to the first token",
              BarsOf(result, &BenchmarkModel::first_token_seconds, Seconds), "orange"),
      BarPlot("Memory at its highest", memory, "orange"), "</div>\n",
      HtmlTable(SpeedTable(result), result), "<p class=note>", kSpeedNote, "</p></section>\n");
}

// Tensors as rows, in the order in which they first occur, models as columns.
std::string ErrorTable(const BenchmarkResult& result) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::string>> cells;
  for (int i = 0; i < result.models_size(); ++i) {
    for (const auto& tensor : result.models(i).tensors()) {
      std::vector<std::string>& row = cells[tensor.name()];
      if (row.empty()) names.push_back(tensor.name());
      row.resize(result.models_size());
      const double error = tensor.error().relative_rmse();
      row[i] = absl::StrCat(tensor.type(), " ", error == 0 ? "exact" : Percent(error));
    }
  }
  std::string html =
      "<details><summary>Error of each matrix as a table</summary><div class=scroll><table><thead>"
      "<tr><th scope=col>matrix</th>";
  for (const BenchmarkModel& model : result.models()) {
    if (model.tensors_size() == 0) continue;
    absl::StrAppend(&html, "<th scope=col>", EscapeHtml(model.name()), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead><tbody>\n");
  for (const std::string& name : names) {
    absl::StrAppend(&html, "<tr><td>", EscapeHtml(name), "</td>");
    for (int i = 0; i < result.models_size(); ++i) {
      if (result.models(i).tensors_size() == 0) continue;
      absl::StrAppend(&html, "<td>", EscapeHtml(cells[name][i]), "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return html + "</tbody></table></div></details>\n";
}

std::string ErrorSection(const BenchmarkResult& result) {
  const ErrorScale scale(result);
  if (scale.is_empty()) return "";
  std::string html = absl::StrCat(
      "<section id=errors><h2>Error of each matrix</h2>\n<p class=note>Relative RMSE of the "
      "weights, from ",
      EscapeHtml(result.base()),
      ": a row for each role, a column for each layer. All maps share one logarithmic scale.</p>\n",
      ErrorLegend(scale), "<div class=panels>");
  for (const BenchmarkModel& model : result.models()) {
    absl::StrAppend(&html, ErrorMap(model, scale));
  }
  return absl::StrCat(html, "</div>\n", ErrorTable(result), "</section>\n");
}

}  // namespace

std::string BenchmarkHtml(const BenchmarkResult& result) {
  return absl::StrCat(Head(result), QualitySection(result), SpeedSection(result),
                      ErrorSection(result), "</body></html>\n");
}

}  // namespace gguf
