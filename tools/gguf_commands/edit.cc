#include "tools/gguf_commands/edit.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/edit/edit.h"
#include "gguf/edit/parse_value.h"
#include "gguf/edit/write_parts.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/reader.h"
#include "tools/cli/print_document.h"
#include "tools/cli/progress.h"
#include "tools/gguf_commands/table.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

// How a command writes, beside its flags.
struct Write {
  const char* command;
  bool replace_input = false;
  bool big_endian = false;
};

absl::StatusOr<gguf_toolchain::EditResult> Describe(const GgufModel& model,
                                                    const std::vector<ModelPart>& parts,
                                                    const Write& write, bool is_dry_run) {
  gguf_toolchain::EditResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_command(write.command);
  result.set_input(ToUtf8(model.shards()[0].name()));
  result.set_is_dry_run(is_dry_run);
  double input_bytes = 0;
  for (const GgufFile& file : model.shards()) input_bytes += static_cast<double>(file.file_size());
  result.set_input_bytes(input_bytes);
  for (const ModelPart& part : parts) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t bytes, SizeOfParts(model, {part}));
    gguf_toolchain::FileResult* file = result.add_files();
    file->set_path(ToUtf8(part.path));
    file->set_num_tensors(static_cast<double>(part.last_tensor - part.first_tensor));
    file->set_bytes(static_cast<double>(bytes));
  }
  return result;
}

absl::Status Run(const GgufModel& model, const std::vector<ModelPart>& parts, const Write& write,
                 const EditFlags& flags, const CommonOptions& common) {
  for (const ModelPart& part : parts) {
    if (!absl::EndsWith(part.path, kZstdSuffix)) continue;
    return UsageError(absl::StrCat("output '", part.path,
                                   "': this command does not compress; choose a name without ",
                                   kZstdSuffix, " and use gguf compress afterwards"));
  }
  // Before the work: an input that is replaced is gone afterwards.
  GGUF_ASSIGN_OR_RETURN(const gguf_toolchain::EditResult result,
                        Describe(model, parts, write, flags.dry_run));
  if (!flags.dry_run) {
    uint64_t data_bytes = 0;
    for (const TensorInfo& tensor : model.tensors()) data_bytes += tensor.num_bytes;
    ProgressBar bar("write", data_bytes, common.progress, common.quiet);
    EditOptions options;
    options.replace = flags.force;
    options.replace_input = write.replace_input;
    options.big_endian = write.big_endian;
    options.cancelled = &Interrupted();
    options.progress = [&bar](uint64_t bytes, absl::string_view name) { bar.Advance(bytes, name); };
    GGUF_RETURN_IF_ERROR(WriteParts(model, parts, options));
  }
  return PrintEdit(result, common);
}

std::string EditText(const gguf_toolchain::EditResult& result) {
  Table table({Align::kLeft, Align::kRight, Align::kRight});
  table.AddRow({"file", "tensors", "size"});
  for (const gguf_toolchain::FileResult& file : result.files()) {
    table.AddRow({EscapeText(file.path()), absl::StrCat(file.num_tensors()),
                  FormatSize(static_cast<uint64_t>(file.bytes()))});
  }
  return table.ToString();
}

}  // namespace

absl::Status PrintEdit(const gguf_toolchain::EditResult& result, const CommonOptions& common) {
  return PrintDocument(result, common, EditText);
}

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
  const Write write = {assignments.empty() ? "remove" : "set", /*replace_input=*/output.empty()};
  return Run(model, {std::move(part)}, write, flags, common);
}

absl::Status Split(const std::string& input, const std::string& prefix, const SplitOptions& split,
                   const EditFlags& flags, const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(input));
  GGUF_ASSIGN_OR_RETURN(const std::vector<ModelPart> parts, PlanSplit(model, prefix, split));
  return Run(model, parts, {"split"}, flags, common);
}

absl::Status Merge(const std::string& shard, const std::string& output, const EditFlags& flags,
                   const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(shard));
  return Run(model, {PlanMerge(model, output)}, {"merge"}, flags, common);
}

absl::Status SwapEndian(const std::string& input, const std::string& output, const EditFlags& flags,
                        const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(input));
  const bool was_big_endian = file.is_big_endian();
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::FromFile(std::move(file)));
  const ModelPart part = {output, model.metadata(), 0, model.tensors().size()};
  return Run(model, {part}, {"swap-endian", /*replace_input=*/false, !was_big_endian}, flags,
             common);
}

}  // namespace gguf
