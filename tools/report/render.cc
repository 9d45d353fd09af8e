#include "tools/report/render.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "google/protobuf/util/json_util.h"
#include "tools/report/markup.h"

namespace gguf {
namespace {

using gguf_toolchain::OutputResult;
using gguf_toolchain::TensorResult;
using gguf_toolchain::WriteResult;

std::string Size(double bytes) { return FormatSize(static_cast<uint64_t>(bytes)); }

std::string ShapeOf(const TensorResult& tensor) {
  return absl::StrJoin(tensor.shape(), " × ", [](std::string* out, double dim) {
    absl::StrAppend(out, static_cast<uint64_t>(dim));
  });
}

// Tensors and bytes per type, for the small table above the long one.
std::map<std::string, std::pair<int, double>> TotalsOf(const OutputResult& output) {
  std::map<std::string, std::pair<int, double>> totals;
  for (const TensorResult& tensor : output.tensors()) {
    ++totals[tensor.type()].first;
    totals[tensor.type()].second += tensor.bytes();
  }
  return totals;
}

std::string Notes(const TensorResult& tensor) {
  std::string notes;
  if (tensor.is_fallback()) notes = "fallback";
  if (tensor.has_importance()) absl::StrAppend(&notes, notes.empty() ? "" : ", ", "importance");
  return notes;
}

std::string Summary(const OutputResult& output) {
  if (output.tensors().empty()) return absl::StrCat("metadata only, ", Size(output.file_bytes()));
  return absl::StrFormat("%s, %s (%.2f bits per weight)", output.type(), Size(output.file_bytes()),
                         output.bits_per_weight());
}

// How the weights were quantized: "standard effort, importance data of im.gguf".
std::string Method(const OutputResult& output) {
  if (output.effort().empty()) return "";
  return absl::StrCat(output.effort(), " effort, ",
                      output.importance().empty()
                          ? "no importance data"
                          : absl::StrCat("importance data of ", output.importance()));
}

constexpr char kStyle[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#1c2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde3ea}"
    "th{background:#f2f5f8;position:sticky;top:0}td.n,th.n{text-align:right}"
    "code{font-size:.92em}.w{color:#8a4b00}.bar{background:#3b76c4;height:.7rem;"
    "display:inline-block;border-radius:2px;min-width:1px}";

// Of a job that limits it; else nothing.
std::string Divergence(const OutputResult& output) {
  if (output.mean_kld() == 0) return "";
  return absl::StrFormat(", mean KL divergence %.6g ± %.2g", output.mean_kld(),
                         output.mean_kld_stderr());
}

std::string HtmlTotals(const OutputResult& output) {
  std::string html = "<table><tr><th>type<th class=n>tensors<th class=n>size<th>share</tr>\n";
  for (const auto& [type, total] : TotalsOf(output)) {
    const double share = output.tensor_bytes() > 0 ? total.second / output.tensor_bytes() : 0;
    absl::StrAppendFormat(&html,
                          "<tr><td>%s<td class=n>%d<td class=n>%s<td><span class=bar "
                          "style=\"width:%.1f%%\"></span> %.1f %%</tr>\n",
                          EscapeHtml(type), total.first, Size(total.second), 70 * share,
                          100 * share);
  }
  return html + "</table>\n";
}

std::string HtmlTensors(const OutputResult& output, bool is_verified) {
  std::string html = "<table><tr><th>tensor<th>shape<th>from<th>to<th class=n>size<th>notes";
  if (is_verified) absl::StrAppend(&html, "<th class=n>relative RMSE<th class=n>max error");
  absl::StrAppend(&html, "</tr>\n");
  for (const TensorResult& tensor : output.tensors()) {
    absl::StrAppend(&html, "<tr><td><code>", EscapeHtml(tensor.name()), "</code><td>",
                    ShapeOf(tensor), "<td>", EscapeHtml(tensor.source_type()), "<td>",
                    EscapeHtml(tensor.type()), "<td class=n>", Size(tensor.bytes()), "<td>",
                    Notes(tensor));
    if (is_verified) {
      absl::StrAppendFormat(&html, "<td class=n>%.5f<td class=n>%.3g",
                            tensor.error().relative_rmse(), tensor.error().max_abs_error());
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return html + "</table>\n";
}

}  // namespace

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(absl::StrCat("JSON: ", status.ToString()));
  return json;
}

std::string ToText(const WriteResult& result) {
  std::string text;
  for (const OutputResult& output : result.outputs()) {
    absl::StrAppend(&text,
                    result.is_dry_run()     ? "would write "
                    : output.was_complete() ? "complete already: "
                                            : "wrote ",
                    absl::StrJoin(output.paths(), ", "), ": ", Summary(output), ", ",
                    output.tensors_size(), " tensors");
    if (output.num_fallbacks() > 0) {
      absl::StrAppend(&text, ", ", output.num_fallbacks(), " in a fallback type");
    }
    absl::StrAppend(&text, "\n  from ", result.input(), output.effort().empty() ? "" : ", ",
                    Method(output), "\n");
    if (result.is_dry_run()) {
      absl::StrAppendFormat(&text, "  %.0f bytes on disk, from %s of tensor data\n",
                            output.file_bytes(), Size(output.source_bytes()));
    }
    if (result.is_verified()) {
      absl::StrAppendFormat(
          &text, "  verified: relative RMSE %.5f, largest error %.3g over %.0f values\n",
          output.error().relative_rmse(), output.error().max_abs_error(), output.num_values());
    }
  }
  return text;
}

std::string ToMarkdown(const WriteResult& result) {
  std::string text =
      absl::StrCat("# ", result.program(), ": ", EscapeMarkdown(result.input()), "\n");
  for (const OutputResult& output : result.outputs()) {
    absl::StrAppend(&text, "\n## ", EscapeMarkdown(absl::StrJoin(output.paths(), ", ")), "\n\n",
                    Summary(output), output.effort().empty() ? "" : ", ",
                    EscapeMarkdown(Method(output)), Divergence(output), "\n");
    for (const std::string& miss : output.misses()) {
      absl::StrAppend(&text, "\n**Missed**: ", EscapeMarkdown(miss), "\n");
    }
    absl::StrAppend(&text, "\n| type | tensors | size |\n| --- | ---: | ---: |\n");
    for (const auto& [type, total] : TotalsOf(output)) {
      absl::StrAppend(&text, "| ", type, " | ", total.first, " | ", Size(total.second), " |\n");
    }
    absl::StrAppend(&text, "\n| tensor | shape | from | to | size | notes |",
                    result.is_verified() ? " relative RMSE | max error |" : "",
                    "\n| --- | --- | --- | --- | ---: | --- |",
                    result.is_verified() ? " ---: | ---: |" : "", "\n");
    for (const TensorResult& tensor : output.tensors()) {
      absl::StrAppend(&text, "| ", EscapeMarkdown(tensor.name()), " | ", ShapeOf(tensor), " | ",
                      tensor.source_type(), " | ", tensor.type(), " | ", Size(tensor.bytes()),
                      " | ", Notes(tensor), " |");
      if (result.is_verified()) {
        absl::StrAppendFormat(&text, " %.5f | %.3g |", tensor.error().relative_rmse(),
                              tensor.error().max_abs_error());
      }
      absl::StrAppend(&text, "\n");
    }
  }
  for (const std::string& warning : result.warnings()) {
    absl::StrAppend(&text, "\nWarning: ", EscapeMarkdown(warning), "\n");
  }
  return text;
}

std::string ToHtml(const WriteResult& result) {
  std::string html = absl::StrCat(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\"><title>",
      EscapeHtml(result.program()), ": ", EscapeHtml(result.input()), "</title><style>", kStyle,
      "</style>\n<h1>", EscapeHtml(result.program()), ": ", EscapeHtml(result.input()), "</h1>\n");
  absl::StrAppendFormat(&html, "<p>Version %s%s%s, %.1f seconds.</p>\n",
                        EscapeHtml(result.version()), result.is_dry_run() ? ", dry run" : "",
                        result.is_verified() ? ", verified by reading the output again" : "",
                        result.seconds());
  for (const std::string& warning : result.warnings()) {
    absl::StrAppend(&html, "<p class=w>Warning: ", EscapeHtml(warning), "</p>\n");
  }
  for (const OutputResult& output : result.outputs()) {
    absl::StrAppend(&html, "<h2>", EscapeHtml(absl::StrJoin(output.paths(), ", ")), "</h2>\n<p>",
                    EscapeHtml(Summary(output)), ", from ", Size(output.source_bytes()),
                    " of tensor data", output.effort().empty() ? "" : ", ",
                    EscapeHtml(Method(output)), Divergence(output), ".");
    if (result.is_verified()) {
      absl::StrAppendFormat(&html, " Relative RMSE over all values: %.5f.",
                            output.error().relative_rmse());
    }
    absl::StrAppend(&html, "</p>\n");
    for (const std::string& miss : output.misses()) {
      absl::StrAppend(&html, "<p class=w>Missed: ", EscapeHtml(miss), "</p>\n");
    }
    absl::StrAppend(&html, HtmlTotals(output), "<p></p>\n",
                    HtmlTensors(output, result.is_verified()));
  }
  return html + "</html>\n";
}

absl::StatusOr<std::string> RenderReport(const WriteResult& result, absl::string_view path) {
  if (absl::EndsWith(path, ".json")) return ToJson(result);
  if (absl::EndsWith(path, ".md")) return ToMarkdown(result);
  if (absl::EndsWith(path, ".html")) return ToHtml(result);
  return absl::InvalidArgumentError(
      absl::StrCat("report '", path, "': expected a name ending in .json, .md or .html"));
}

}  // namespace gguf
