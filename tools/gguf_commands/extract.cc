#include "tools/gguf_commands/extract.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/codec/codec.h"
#include "formats/row_ranges.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/io/npy_header.h"
#include "gguf/reader.h"
#include "tools/cli/progress.h"
#include "tools/cli/usage.h"
#include "tools/report/render.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

absl::StatusOr<const TensorInfo*> FindTensor(const GgufModel& model, const std::string& path,
                                             const std::string& name) {
  const int64_t index = model.FindTensor(name);
  if (index >= 0) return &model.tensors()[static_cast<size_t>(index)];
  std::vector<std::string> names;
  for (const TensorInfo& tensor : model.tensors()) names.push_back(tensor.name);
  const std::string nearest = Suggestion(name, names);
  return absl::NotFoundError(
      absl::StrCat("'", path, "' has no tensor '", EscapeText(name, 80), "'",
                   nearest.empty() ? "; gguf inspect --tensors lists them"
                                   : absl::StrCat("; did you mean ", EscapeText(nearest), "?")));
}

// Size of the decoded values; ResourceExhausted when it is beyond any file.
absl::StatusOr<uint64_t> FloatBytes(const TensorInfo& tensor) {
  uint64_t bytes;
  if (CheckedMultiply(tensor.shape.num_values(), sizeof(float), &bytes) && bytes >> 62 == 0) {
    return bytes;
  }
  return absl::ResourceExhaustedError(absl::StrCat("tensor '", EscapeText(tensor.name), "' has ",
                                                   tensor.shape.num_values(),
                                                   " values, too many for a file"));
}

absl::Status WriteValues(const GgufModel& model, const TensorInfo& tensor, uint64_t begin, bool raw,
                         ProgressBar* bar, OutputFile* out) {
  const uint64_t columns = tensor.shape.columns();
  GGUF_ASSIGN_OR_RETURN(const uint64_t row_bytes, RowBytes(tensor.type, columns));
  std::vector<RowRange> ranges;
  AppendRowRanges(0, tensor.shape, &ranges);
  std::vector<uint8_t> blocks;
  std::vector<float> values;
  for (const RowRange& range : ranges) {
    if (Interrupted().load()) return absl::CancelledError("interrupted");
    blocks.resize(range.num_rows * row_bytes);
    const uint64_t offset = range.first_row * row_bytes;
    GGUF_RETURN_IF_ERROR(model.ReadTensorBytes(tensor, offset, absl::MakeSpan(blocks)));
    bar->Advance(blocks.size(), tensor.name);
    if (raw) {
      GGUF_RETURN_IF_ERROR(out->Write(begin + offset, blocks));
      continue;
    }
    values.resize(range.num_rows * columns);
    CodecOf(tensor.type).decode(blocks.data(), values.size(), values.data());
    GGUF_RETURN_IF_ERROR(
        out->Write(begin + range.first_row * columns * sizeof(float),
                   absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                                       values.size() * sizeof(float))));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Extract(const std::string& input, const std::string& name, const std::string& output,
                     bool raw, const EditFlags& flags, const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(input));
  GGUF_ASSIGN_OR_RETURN(const TensorInfo* tensor, FindTensor(model, input, name));
  const auto& dims = tensor->shape.dims();
  const std::string header = raw ? "" : NpyHeader(std::vector<uint64_t>(dims.begin(), dims.end()));
  uint64_t size = tensor->num_bytes, input_bytes = 0;
  if (!raw) {
    GGUF_ASSIGN_OR_RETURN(size, FloatBytes(*tensor));
  }
  for (const GgufFile& shard : model.shards()) {
    input_bytes += shard.file_size();
    if (!IsSameFile(shard.name(), output)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", output, "' is an input too; choose another name for the output"));
  }
  if (!flags.dry_run) {
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> out,
                          OutputFile::Create(output, header.size() + size, {flags.force}));
    GGUF_RETURN_IF_ERROR(out->Write(
        0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(header.data()), header.size())));
    ProgressBar bar("extract", tensor->num_bytes, common.progress, common.quiet);
    GGUF_RETURN_IF_ERROR(WriteValues(model, *tensor, header.size(), raw, &bar, out.get()));
    GGUF_RETURN_IF_ERROR(out->Commit());
  }
  gguf_toolchain::EditResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_command("extract");
  result.set_input(ToUtf8(input));
  result.set_input_bytes(static_cast<double>(input_bytes));
  result.set_is_dry_run(flags.dry_run);
  gguf_toolchain::FileResult* written = result.add_files();
  written->set_path(ToUtf8(output));
  written->set_num_tensors(1);
  written->set_bytes(static_cast<double>(header.size() + size));
  return PrintEdit(result, common);
}

}  // namespace gguf
