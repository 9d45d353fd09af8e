#include "tools/benchmark_steps/tensor_errors.h"

#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "formats/tensor_error.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"
#include "quantize/recipe.h"
#include "tools/cli/progress.h"
#include "tools/report/write_result.h"

namespace gguf {
namespace {

using gguf_toolchain::BenchmarkModel;

absl::Status AddSizes(const TensorSource& source, BenchmarkModel* model) {
  double file_bytes = 0, num_values = 0, tensor_bytes = 0;
  for (const std::string& path : source.input_paths()) {
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
    file_bytes += file->size();
  }
  for (const SourceTensor& tensor : source.tensors()) {
    num_values += tensor.shape.num_values();
    tensor_bytes += TensorBytes(tensor.type, tensor.shape).value_or(0);
  }
  model->set_type(FileTypeOf(source.metadata()));
  model->set_file_bytes(file_bytes);
  model->set_num_values(num_values);
  model->set_bits_per_weight(num_values > 0 ? 8 * tensor_bytes / num_values : 0);
  return absl::OkStatus();
}

}  // namespace

std::string FileTypeOf(const Metadata& metadata) {
  const absl::StatusOr<uint64_t> file_type = metadata.GetUint(keys::kGeneralFileType);
  if (!file_type.ok()) return "";
  for (const Recipe& recipe : AllRecipes()) {
    if (recipe.file_type == *file_type) return std::string(recipe.name);
  }
  return absl::StrCat("file type ", *file_type);
}

absl::StatusOr<BenchmarkModel> DescribeFile(const std::string& path, const std::string& base,
                                            const CommonOptions& common) {
  BenchmarkModel model;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, OpenSource(path, {}));
  GGUF_RETURN_IF_ERROR(AddSizes(*source, &model));
  if (path == base) return model;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> other, OpenSource(base, {}));
  std::map<std::string, size_t> of_base;
  for (size_t i = 0; i < other->tensors().size(); ++i) of_base[other->tensors()[i].name] = i;
  ProgressBar progress("compare", static_cast<uint64_t>(model.num_values()), common.progress,
                       common.quiet, "weights");
  TensorError total;
  for (size_t i = 0; i < source->tensors().size(); ++i) {
    if (Interrupted().load()) return absl::CancelledError("interrupted");
    const SourceTensor& tensor = source->tensors()[i];
    const auto found = of_base.find(tensor.name);
    if (found == of_base.end()) continue;
    const SourceTensor& original = other->tensors()[found->second];
    if (!AreComparable(original.shape, tensor.shape)) continue;
    GGUF_ASSIGN_OR_RETURN(const TensorError error,
                          CompareTensors(*other, found->second, *source, i, common.threads));
    progress.Advance(tensor.shape.num_values(), tensor.name);
    total.Add(error);
    if (tensor.shape.significant_rank() < 2) continue;
    gguf_toolchain::TensorResult* result = model.add_tensors();
    result->set_name(ToUtf8(tensor.name));
    for (const uint64_t dim : tensor.shape.dims()) result->add_shape(static_cast<double>(dim));
    result->set_source_type(std::string(NameOf(original.type)));
    result->set_type(std::string(NameOf(tensor.type)));
    result->set_source_bytes(TensorBytes(original.type, original.shape).value_or(0));
    result->set_bytes(TensorBytes(tensor.type, tensor.shape).value_or(0));
    SetError(error, result->mutable_error());
  }
  SetError(total, model.mutable_error());
  return model;
}

std::string ModelName(const std::string& path) {
  const auto source = OpenSource(path, {});
  if (!source.ok()) return "";
  return ToUtf8((*source)->metadata().GetStringOr(keys::kGeneralName, "").value_or(""));
}

}  // namespace gguf
