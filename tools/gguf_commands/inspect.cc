#include "tools/gguf_commands/inspect.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/tensor_type.h"
#include "quantize/name_pattern.h"
#include "tools/gguf_commands/table.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::InspectResult;
using gguf_toolchain::KeyValue;
using gguf_toolchain::TensorResult;
using gguf_toolchain::TypeTotal;

std::string TypeText(const Value& value) {
  const Array* array = std::get_if<Array>(&value.data);
  if (array == nullptr) return std::string(NameOf(value.type()));
  return absl::StrCat(NameOf(array->element_type()), "[", array->size(), "]");
}

// Strings as they are, as far as JSON can hold them; everything else as people read it.
std::string ValueText(const Value& value, size_t max_elements) {
  const std::string* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) return value.ToString(max_elements);
  return ToUtf8(*text);
}

void AddTensors(const GgufModel& model, InspectResult* result) {
  std::map<TensorType, TypeTotal> totals;
  double num_values = 0, num_bytes = 0;
  for (const TensorInfo& tensor : model.tensors()) {
    TensorResult* out = result->add_tensors();
    out->set_name(ToUtf8(tensor.name));
    for (uint64_t dim : tensor.shape.dims()) out->add_shape(static_cast<double>(dim));
    out->set_type(std::string(NameOf(tensor.type)));
    out->set_bytes(static_cast<double>(tensor.num_bytes));
    TypeTotal& total = totals[tensor.type];
    total.set_type(out->type());
    total.set_num_tensors(total.num_tensors() + 1);
    total.set_num_values(total.num_values() + static_cast<double>(tensor.shape.num_values()));
    total.set_bytes(total.bytes() + out->bytes());
    num_values += static_cast<double>(tensor.shape.num_values());
    num_bytes += out->bytes();
  }
  for (const auto& [type, total] : totals) *result->add_totals() = total;
  result->set_num_values(num_values);
  result->set_bits_per_weight(num_values > 0 ? 8 * num_bytes / num_values : 0);
}

std::string MetadataText(const InspectResult& result, size_t max_value_bytes) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft});
  for (const KeyValue& entry : result.metadata()) {
    const std::string value =
        entry.type() == "string"
            ? absl::StrCat("\"", EscapeText(entry.value(), max_value_bytes), "\"")
            : entry.value();
    table.AddRow({EscapeText(entry.key(), 200), entry.type(), value});
  }
  return absl::StrCat("\nMetadata: ", result.metadata_size(), " keys\n", table.ToString());
}

std::vector<std::string> TotalRow(absl::string_view name, double tensors, double values,
                                  double bytes, double all_bytes) {
  return {std::string(name),
          absl::StrFormat("%.0f", tensors),
          absl::StrFormat("%.0f", values),
          FormatSize(static_cast<uint64_t>(bytes)),
          absl::StrFormat("%.1f %%", all_bytes > 0 ? 100 * bytes / all_bytes : 0),
          absl::StrFormat("%.3f", values > 0 ? 8 * bytes / values : 0)};
}

std::string TotalsText(const InspectResult& result) {
  double all_bytes = 0;
  for (const TypeTotal& total : result.totals()) all_bytes += total.bytes();
  Table table(
      {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.AddRow({"type", "tensors", "values", "size", "share", "bits/weight"});
  for (const TypeTotal& total : result.totals()) {
    table.AddRow(
        TotalRow(total.type(), total.num_tensors(), total.num_values(), total.bytes(), all_bytes));
  }
  table.AddRow(TotalRow("total", result.tensors_size(), result.num_values(), all_bytes, all_bytes));
  return absl::StrCat("\nTensors by type\n", table.ToString());
}

std::string TensorsText(const InspectResult& result) {
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  for (const TensorResult& tensor : result.tensors()) {
    const std::string shape = absl::StrJoin(tensor.shape(), ", ", [](std::string* out, double dim) {
      absl::StrAppend(out, absl::StrFormat("%.0f", dim));
    });
    table.AddRow({EscapeText(tensor.name()), tensor.type(),
                  FormatSize(static_cast<uint64_t>(tensor.bytes())),
                  absl::StrCat("[", shape, "]")});
  }
  return absl::StrCat("\nTensors: ", result.tensors_size(), "\n", table.ToString());
}

}  // namespace

absl::StatusOr<InspectResult> Inspect(const GgufModel& model, const std::string& key_pattern,
                                      size_t max_elements) {
  const absl::StatusOr<NamePattern> pattern = NamePattern::Create(key_pattern);
  if (!pattern.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern '", key_pattern, "': ", pattern.status().message()));
  }
  InspectResult result;
  result.set_schema_version(kSchemaVersion);
  double file_bytes = 0;
  for (const GgufFile& file : model.shards()) {
    result.add_paths(ToUtf8(file.name()));
    file_bytes += static_cast<double>(file.file_size());
    for (const std::string& warning : file.warnings()) {
      result.add_warnings(absl::StrCat("'", ToUtf8(file.name()), "': ", warning));
    }
  }
  result.set_format_version(static_cast<int32_t>(model.shards()[0].version()));
  result.set_is_big_endian(model.shards()[0].is_big_endian());
  result.set_file_bytes(file_bytes);
  for (const auto& [key, value] : model.metadata().entries()) {
    GGUF_ASSIGN_OR_RETURN(const bool is_wanted, pattern->IsIn(key));
    if (!is_wanted) continue;
    KeyValue* entry = result.add_metadata();
    entry->set_key(ToUtf8(key));
    entry->set_type(TypeText(value));
    entry->set_value(ValueText(value, max_elements));
  }
  AddTensors(model, &result);
  return result;
}

std::string InspectText(const InspectResult& result, const InspectTextOptions& options) {
  std::string text;
  for (const std::string& path : result.paths()) absl::StrAppend(&text, EscapeText(path), "\n");
  absl::StrAppend(&text, "GGUF version ", result.format_version(),
                  result.is_big_endian() ? ", big-endian, " : ", ",
                  FormatSize(static_cast<uint64_t>(result.file_bytes())), "\n",
                  MetadataText(result, options.max_value_bytes));
  if (result.tensors_size() > 0) absl::StrAppend(&text, TotalsText(result));
  if (options.tensors) absl::StrAppend(&text, TensorsText(result));
  return text;
}

}  // namespace gguf
