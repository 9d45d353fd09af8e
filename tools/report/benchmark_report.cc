#include "tools/report/benchmark_report.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/utf8.h"
#include "tools/gguf_commands/table.h"
#include "tools/report/benchmark_table.h"
#include "tools/report/figures.h"
#include "tools/report/markup.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkResult;

constexpr size_t kTerminalColumns = 100;
constexpr size_t kShortestName = 8;
constexpr size_t kColumnGap = 2;

// Shortens the names so that the table fits a terminal.
void FitToTerminal(BenchmarkTable* table) {
  size_t others = 0;
  for (size_t column = 1; column < table->header.size(); ++column) {
    size_t width = CountCharacters(table->header[column]);
    for (const auto& row : table->rows) width = std::max(width, CountCharacters(row[column]));
    others += width + kColumnGap;
  }
  const size_t room = kTerminalColumns - std::min(kTerminalColumns, others + kColumnGap);
  for (auto& row : table->rows) {
    row[0] = Elide(EscapeText(row[0]), std::max(room, kShortestName));
  }
}

std::string TextTable(BenchmarkTable table) {
  FitToTerminal(&table);
  std::vector<Align> columns(table.header.size(), Align::kRight);
  columns[0] = Align::kLeft;
  Table text(columns);
  text.AddRow(std::move(table.header));
  for (auto& row : table.rows) text.AddRow(std::move(row));
  return text.ToString();
}

std::string MarkdownTable(const BenchmarkTable& table) {
  std::string text = absl::StrCat("| ", absl::StrJoin(table.header, " | "), " |\n| --- |");
  for (size_t column = 1; column < table.header.size(); ++column) absl::StrAppend(&text, " ---: |");
  absl::StrAppend(&text, "\n");
  for (const auto& row : table.rows) {
    absl::StrAppend(&text, "| ",
                    absl::StrJoin(row, " | ",
                                  [](std::string* out, const std::string& cell) {
                                    absl::StrAppend(out, EscapeMarkdown(cell));
                                  }),
                    " |\n");
  }
  return text;
}

std::string Method(const BenchmarkResult& result) {
  return absl::StrCat(result.effort(), " effort, ",
                      result.importance().empty()
                          ? "no importance data"
                          : absl::StrCat("importance data of ", result.importance()));
}

// "1:02:03" or "2:03".
std::string Duration(double seconds) {
  const int64_t whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string BenchmarkTitle(const BenchmarkResult& result) {
  if (!result.model().empty()) return absl::StrCat("Benchmark of ", result.model());
  return absl::StrCat("Benchmark of ", result.models_size(), " models");
}

std::vector<std::pair<std::string, std::string>> BenchmarkFacts(const BenchmarkResult& result) {
  std::vector<std::pair<std::string, std::string>> facts;
  if (!result.base().empty()) facts.push_back({"base", result.base()});
  facts.push_back({"machine", absl::StrFormat("%s, %d thread%s", result.machine(), result.threads(),
                                              result.threads() == 1 ? "" : "s")});
  facts.push_back(
      {"text", absl::StrFormat("%s, windows of %d tokens", result.text(), result.context())});
  if (!result.tasks().empty()) facts.push_back({"multiple choice", result.tasks()});
  facts.push_back(
      {"speed", absl::StrFormat("%d run%s, %.0f tokens of prompt, %.0f generated",
                                result.repetitions(), result.repetitions() == 1 ? "" : "s",
                                result.prompt_tokens(), result.generated_tokens())});
  if (!result.effort().empty()) facts.push_back({"quantized with", Method(result)});
  facts.push_back({"measured by", absl::StrCat("gguf_toolchain ", result.version(), " in ",
                                               Duration(result.seconds()))});
  return facts;
}

std::string BenchmarkText(const BenchmarkResult& result) {
  std::string text = absl::StrCat("Quality\n", TextTable(QualityTable(result)), "Speed\n",
                                  TextTable(SpeedTable(result)));
  const std::string front = FrontInWords(result);
  if (!front.empty()) absl::StrAppend(&text, EscapeText(front), "\n");
  return text;
}

std::string BenchmarkMarkdown(const BenchmarkResult& result) {
  std::string text = absl::StrCat("# ", EscapeMarkdown(BenchmarkTitle(result)), "\n\n");
  for (const auto& [name, value] : BenchmarkFacts(result)) {
    absl::StrAppend(&text, "- ", name, ": ", EscapeMarkdown(value), "\n");
  }
  absl::StrAppend(&text, "\n## Quality\n\n", MarkdownTable(QualityTable(result)), "\n",
                  kQualityNote, "\n");
  const std::string front = FrontInWords(result);
  if (!front.empty()) absl::StrAppend(&text, "\n", EscapeMarkdown(front), "\n");
  absl::StrAppend(&text, "\n## Speed\n\n", MarkdownTable(SpeedTable(result)), "\n", kSpeedNote,
                  "\n");
  for (const std::string& warning : result.warnings()) {
    absl::StrAppend(&text, "\nWarning: ", EscapeMarkdown(warning), "\n");
  }
  return text;
}

absl::StatusOr<std::string> RenderBenchmark(const BenchmarkResult& result, absl::string_view path) {
  if (absl::EndsWith(path, ".json")) return ToJson(result);
  if (absl::EndsWith(path, ".md")) return BenchmarkMarkdown(result);
  if (absl::EndsWith(path, ".html")) return BenchmarkHtml(result);
  return absl::InvalidArgumentError(
      absl::StrCat("report '", path, "': expected a name ending in .json, .md or .html"));
}

}  // namespace gguf
