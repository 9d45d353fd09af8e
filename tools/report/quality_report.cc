#include "tools/report/quality_report.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "tools/report/markup.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::QualityReport;
using gguf_toolchain::QualityResult;
using gguf_toolchain::TensorResult;

constexpr char kNothing[] = "-";

// Null for a model without tensors.
const TensorResult* WorstTensor(const QualityResult& model) {
  const TensorResult* worst = nullptr;
  for (const TensorResult& tensor : model.tensors()) {
    if (worst == nullptr || tensor.error().relative_rmse() > worst->error().relative_rmse()) {
      worst = &tensor;
    }
  }
  return worst;
}

std::string Size(const QualityResult& m) {
  return FormatSize(static_cast<uint64_t>(m.file_bytes()));
}
std::string Bits(const QualityResult& m) { return absl::StrFormat("%.3f", m.bits_per_weight()); }
std::string Error(const QualityResult& m) {
  return absl::StrFormat("%.5f", m.error().relative_rmse());
}
std::string Worst(const QualityResult& m) {
  const TensorResult* tensor = WorstTensor(m);
  if (tensor == nullptr) return kNothing;
  return absl::StrFormat("%.5f %s", tensor->error().relative_rmse(), tensor->name());
}
std::string Divergence(const QualityResult& m) {
  if (!m.has_divergence()) return kNothing;
  return absl::StrFormat("%.6f ± %.6f", m.divergence().mean_kld(),
                         m.divergence().mean_kld_stderr());
}
std::string SameTop(const QualityResult& m) {
  if (!m.has_divergence()) return kNothing;
  return absl::StrFormat("%.2f %%", 100 * m.divergence().top1_agreement());
}
std::string Perplexity(const QualityResult& m) {
  if (!m.has_divergence()) return kNothing;
  return absl::StrFormat(
      "%.4f (%+.2f %%)", m.divergence().perplexity(),
      100 * (m.divergence().perplexity() / m.divergence().base_perplexity() - 1));
}
std::string Faults(const QualityResult& m) { return absl::StrCat(m.findings_size()); }

struct Column {
  const char* title;
  std::string (*cell)(const QualityResult&);
};

constexpr Column kColumns[] = {
    {"size", Size},
    {"bits per weight", Bits},
    {"relative RMSE", Error},
    {"mean KL divergence", Divergence},
    {"same likeliest token", SameTop},
    {"perplexity (change)", Perplexity},
    {"faults", Faults},
    {"worst tensor", Worst},
};

struct TensorColumn {
  const char* title;
  bool is_number;
  std::string (*cell)(const TensorResult&);
};

constexpr TensorColumn kTensorColumns[] = {
    {"tensor", false, [](const TensorResult& t) { return t.name(); }},
    {"from", false, [](const TensorResult& t) { return t.source_type(); }},
    {"to", false, [](const TensorResult& t) { return t.type(); }},
    {"size", true,
     [](const TensorResult& t) { return FormatSize(static_cast<uint64_t>(t.bytes())); }},
    {"relative RMSE", true,
     [](const TensorResult& t) { return absl::StrFormat("%.5f", t.error().relative_rmse()); }},
    {"largest error", true,
     [](const TensorResult& t) { return absl::StrFormat("%.3g", t.error().max_abs_error()); }},
};

// "against f16.gguf; divergence over 2040 tokens of 8 windows of 512".
std::string Basis(const QualityResult& model) {
  std::string text = absl::StrCat("against ", model.against());
  if (model.has_divergence()) {
    absl::StrAppendFormat(&text, "; divergence from %s over %.0f tokens of %.0f windows of %d",
                          model.divergence().base(), model.divergence().tokens(),
                          model.divergence().windows(), model.divergence().context());
  }
  return text;
}

std::vector<std::string> Remarks(const QualityResult& model) {
  std::vector<std::string> remarks;
  for (const std::string& finding : model.findings()) {
    remarks.push_back(absl::StrCat("Fault: ", finding));
  }
  for (const std::string& warning : model.warnings()) {
    remarks.push_back(absl::StrCat("Warning: ", warning));
  }
  return remarks;
}

constexpr char kTitle[] = "Quality of quantized models";

constexpr char kStyle[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;"
    "color:#1c2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;"
    "overflow-wrap:anywhere}.t{overflow-x:auto}table{border-collapse:collapse;"
    "font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.25rem .6rem;"
    "border-bottom:1px solid #8884}td{white-space:nowrap}.n{text-align:right}code{font-size:.92em;"
    "overflow-wrap:anywhere}.w{color:#a04000}"
    "@media(prefers-color-scheme:dark){body{color:#dde3ea;background:#14181d}.w{color:#ffb066}}";

std::string HtmlTensors(const QualityResult& model) {
  std::string html = absl::StrCat("<details><summary>", model.tensors_size(),
                                  " tensors</summary><div class=t><table>\n<tr>");
  for (const TensorColumn& column : kTensorColumns) {
    absl::StrAppend(&html, column.is_number ? "<th class=n>" : "<th>", column.title);
  }
  for (const TensorResult& tensor : model.tensors()) {
    absl::StrAppend(&html, "\n<tr>");
    for (const TensorColumn& column : kTensorColumns) {
      absl::StrAppend(&html, column.is_number ? "<td class=n>" : "<td>",
                      EscapeHtml(column.cell(tensor)));
    }
  }
  return html + "</table></div></details>\n";
}

std::string MarkdownTensors(const QualityResult& model) {
  std::string text = "\n|", rule = "|";
  for (const TensorColumn& column : kTensorColumns) {
    absl::StrAppend(&text, " ", column.title, " |");
    absl::StrAppend(&rule, column.is_number ? " ---: |" : " --- |");
  }
  absl::StrAppend(&text, "\n", rule, "\n");
  for (const TensorResult& tensor : model.tensors()) {
    text += "|";
    for (const TensorColumn& column : kTensorColumns) {
      absl::StrAppend(&text, " ", EscapeMarkdown(column.cell(tensor)), " |");
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string ToText(const QualityReport& report) {
  std::string text;
  for (const QualityResult& model : report.models()) {
    absl::StrAppend(&text, model.model(), "  ", Basis(model), "\n");
    for (const Column& column : kColumns) {
      absl::StrAppendFormat(&text, "  %-20s  %s\n", column.title, column.cell(model));
    }
    for (const std::string& remark : Remarks(model)) absl::StrAppend(&text, "  ", remark, "\n");
  }
  return text;
}

std::string ToMarkdown(const QualityReport& report) {
  std::string text = absl::StrCat("# ", kTitle, "\n\n| model |"), rule = "| --- |";
  for (const Column& column : kColumns) {
    absl::StrAppend(&text, " ", column.title, " |");
    absl::StrAppend(&rule, " ---: |");
  }
  absl::StrAppend(&text, "\n", rule, "\n");
  for (const QualityResult& model : report.models()) {
    absl::StrAppend(&text, "| ", EscapeMarkdown(model.model()), " |");
    for (const Column& column : kColumns) {
      absl::StrAppend(&text, " ", EscapeMarkdown(column.cell(model)), " |");
    }
    text += "\n";
  }
  for (const QualityResult& model : report.models()) {
    absl::StrAppend(&text, "\n## ", EscapeMarkdown(model.model()), "\n\n",
                    EscapeMarkdown(Basis(model)), ".\n");
    for (const gguf_toolchain::Hash& file : model.files()) {
      absl::StrAppend(&text, "SHA-256 of ", EscapeMarkdown(file.name()), ": `", file.sha256(),
                      "`\n");
    }
    for (const std::string& remark : Remarks(model)) {
      absl::StrAppend(&text, "\n", EscapeMarkdown(remark), "\n");
    }
    text += MarkdownTensors(model);
  }
  return text;
}

std::string ToHtml(const QualityReport& report) {
  std::string html = absl::StrCat(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\"><title>",
      kTitle, "</title><style>", kStyle, "</style>\n<h1>", kTitle,
      "</h1>\n<div class=t><table>\n<tr><th>model");
  for (const Column& column : kColumns) absl::StrAppend(&html, "<th class=n>", column.title);
  for (const QualityResult& model : report.models()) {
    absl::StrAppend(&html, "\n<tr><td>", EscapeHtml(model.model()));
    for (const Column& column : kColumns) {
      absl::StrAppend(&html, "<td class=n>", EscapeHtml(column.cell(model)));
    }
  }
  html += "</table></div>\n";
  for (const QualityResult& model : report.models()) {
    absl::StrAppend(&html, "<h2>", EscapeHtml(model.model()), "</h2>\n<p>",
                    EscapeHtml(Basis(model)), ".</p>\n");
    for (const gguf_toolchain::Hash& file : model.files()) {
      absl::StrAppend(&html, "<p>SHA-256 of ", EscapeHtml(file.name()), ": <code>",
                      EscapeHtml(file.sha256()), "</code></p>\n");
    }
    for (const std::string& remark : Remarks(model)) {
      absl::StrAppend(&html, "<p class=w>", EscapeHtml(remark), "</p>\n");
    }
    html += HtmlTensors(model);
  }
  return html + "</html>\n";
}

absl::StatusOr<std::string> RenderReport(const QualityReport& report, absl::string_view path) {
  if (absl::EndsWith(path, ".json")) return ToJson(report);
  if (absl::EndsWith(path, ".md")) return ToMarkdown(report);
  if (absl::EndsWith(path, ".html")) return ToHtml(report);
  return absl::InvalidArgumentError(
      absl::StrCat("report '", path, "': expected a name ending in .json, .md or .html"));
}

}  // namespace gguf
