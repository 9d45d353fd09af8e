#include "tools/gguf_commands/edit.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/edit/edit.h"
#include "gguf/edit/parse_value.h"
#include "gguf/edit/write_parts.h"
#include "gguf/reader.h"
#include "tools/cli/progress.h"
#include "tools/gguf_commands/table.h"

namespace gguf {
namespace {

absl::Status PrintParts(const GgufModel& model, const std::vector<ModelPart>& parts) {
  Table table({Align::kLeft, Align::kRight, Align::kRight});
  table.AddRow({"file", "tensors", "size"});
  for (const ModelPart& part : parts) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t bytes, SizeOfParts(model, {part}));
    table.AddRow({EscapeText(part.path), absl::StrCat(part.last_tensor - part.first_tensor),
                  FormatSize(bytes)});
  }
  return PrintResult(table.ToString());
}

absl::Status Write(const GgufModel& model, const std::vector<ModelPart>& parts, bool replace_input,
                   const EditFlags& flags, const CommonOptions& common) {
  if (!flags.dry_run) {
    uint64_t data_bytes = 0;
    for (const TensorInfo& tensor : model.tensors()) data_bytes += tensor.num_bytes;
    ProgressBar bar("write", data_bytes, common.progress, common.quiet);
    EditOptions options;
    options.replace = flags.force;
    options.replace_input = replace_input;
    options.cancelled = &Interrupted();
    options.progress = [&bar](uint64_t bytes, absl::string_view name) { bar.Advance(bytes, name); };
    GGUF_RETURN_IF_ERROR(WriteParts(model, parts, options));
  }
  return common.quiet ? absl::OkStatus() : PrintParts(model, parts);
}

}  // namespace

absl::Status EditKeys(const std::string& input, const std::string& output,
                      const std::vector<std::string>& assignments,
                      const std::vector<std::string>& removals, const EditFlags& flags,
                      const CommonOptions& common) {
  std::vector<Metadata::Entry> set;
  for (const std::string& assignment : assignments) {
    absl::StatusOr<Metadata::Entry> entry = ParseKeyValue(assignment);
    if (!entry.ok()) return UsageError(entry.status().message());
    set.push_back(*std::move(entry));
  }
  GGUF_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(input));
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::FromFile(std::move(file)));
  GGUF_ASSIGN_OR_RETURN(ModelPart part, PlanSetKeys(model, output, set, removals));
  return Write(model, {std::move(part)}, /*replace_input=*/output.empty(), flags, common);
}

absl::Status Split(const std::string& input, const std::string& prefix, const SplitOptions& split,
                   const EditFlags& flags, const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(input));
  GGUF_ASSIGN_OR_RETURN(const std::vector<ModelPart> parts, PlanSplit(model, prefix, split));
  return Write(model, parts, /*replace_input=*/false, flags, common);
}

absl::Status Merge(const std::string& shard, const std::string& output, const EditFlags& flags,
                   const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(shard));
  return Write(model, {PlanMerge(model, output)}, /*replace_input=*/false, flags, common);
}

}  // namespace gguf
