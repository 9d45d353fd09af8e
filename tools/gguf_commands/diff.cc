#include "tools/gguf_commands/diff.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/diff.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/tensor_type.h"
#include "tools/cli/progress.h"
#include "tools/gguf_commands/table.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::DiffResult;

constexpr size_t kMaxValueBytes = 60;

// "uint32 5", "string \"x\"".
std::string ValueText(const Value* value) {
  if (value == nullptr) return "";
  const Array* array = std::get_if<Array>(&value->data);
  if (array != nullptr) {
    return absl::StrCat(NameOf(array->element_type()), "[", array->size(), "] ",
                        value->ToString(4));
  }
  return absl::StrCat(NameOf(value->type()), " ", value->ToString());
}

std::string KindText(const TensorDifference& difference) {
  switch (difference.kind) {
    case TensorDifferenceKind::kOnlyInA:
      return "only in A";
    case TensorDifferenceKind::kOnlyInB:
      return "only in B";
    case TensorDifferenceKind::kShape:
      return absl::StrCat("shape ", difference.detail);
    case TensorDifferenceKind::kType:
      return absl::StrCat("type ", difference.detail);
    case TensorDifferenceKind::kValues:
      return "values";
  }
  return "";
}

uint64_t DataBytes(const TensorSource& source) {
  uint64_t bytes = 0;
  for (const SourceTensor& tensor : source.tensors()) {
    bytes += TensorBytes(tensor.type, tensor.shape).value_or(0);
  }
  return bytes;
}

}  // namespace

absl::StatusOr<DiffResult> Diff(const std::string& a, const std::string& b,
                                const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source_a, OpenSource(a, {}));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source_b, OpenSource(b, {}));
  ProgressBar bar("diff", DataBytes(*source_a), common.progress, common.quiet);
  DiffOptions options;
  options.threads = common.threads;
  options.cancelled = &Interrupted();
  options.progress = [&bar](uint64_t bytes, absl::string_view name) { bar.Advance(bytes, name); };
  GGUF_ASSIGN_OR_RETURN(const ModelDifference difference,
                        DiffModels(*source_a, *source_b, options));
  DiffResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_a(ToUtf8(a));
  result.set_b(ToUtf8(b));
  result.set_is_equal(difference.is_equal());
  for (const KeyDifference& key : difference.metadata) {
    auto* out = result.add_metadata();
    out->set_key(ToUtf8(key.key));
    out->set_a(ValueText(key.a));
    out->set_b(ValueText(key.b));
  }
  for (const TensorDifference& tensor : difference.tensors) {
    auto* out = result.add_tensors();
    out->set_name(ToUtf8(tensor.name));
    out->set_difference(KindText(tensor));
    if (tensor.error.num_values == 0) continue;
    out->mutable_error()->set_rmse(tensor.error.rmse());
    out->mutable_error()->set_relative_rmse(tensor.error.relative_rmse());
    out->mutable_error()->set_max_abs_error(tensor.error.max_abs_error);
  }
  return result;
}

std::string DiffText(const DiffResult& result) {
  if (result.is_equal()) return "equal\n";
  Table keys({Align::kLeft, Align::kLeft, Align::kLeft});
  const auto cell = [](const std::string& value) {
    return value.empty()                   ? std::string("(absent)")
           : value.size() > kMaxValueBytes ? absl::StrCat(value.substr(0, kMaxValueBytes), "...")
                                           : value;
  };
  for (const auto& key : result.metadata()) {
    keys.AddRow({EscapeText(key.key(), 200), cell(key.a()), cell(key.b())});
  }
  Table tensors({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& tensor : result.tensors()) {
    std::vector<std::string> row = {EscapeText(tensor.name()), tensor.difference(), "", ""};
    if (tensor.has_error()) {
      row[2] = absl::StrFormat("RMSE %.6g (relative %.5f)", tensor.error().rmse(),
                               tensor.error().relative_rmse());
      row[3] = absl::StrFormat("largest %.6g", tensor.error().max_abs_error());
    }
    tensors.AddRow(std::move(row));
  }
  std::string text;
  if (result.metadata_size() > 0) absl::StrAppend(&text, "Metadata (A, B)\n", keys.ToString());
  if (result.tensors_size() > 0) absl::StrAppend(&text, "Tensors\n", tensors.ToString());
  absl::StrAppend(&text, result.metadata_size(), " keys and ", result.tensors_size(),
                  " tensors differ\n");
  return text;
}

}  // namespace gguf
