#include "tools/gguf_commands/verify.h"

#include "absl/strings/str_cat.h"
#include "formats/hash_model.h"
#include "formats/verify_values.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/reader.h"
#include "gguf/verify.h"
#include "tools/cli/progress.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::Hash;
using gguf_toolchain::VerifyResult;

uint64_t DataBytes(const GgufModel& model) {
  uint64_t bytes = 0;
  for (const TensorInfo& tensor : model.tensors()) bytes += tensor.num_bytes;
  return bytes;
}

uint64_t FileBytes(const GgufModel& model) {
  uint64_t bytes = 0;
  for (const GgufFile& file : model.shards()) bytes += file.file_size();
  return bytes;
}

absl::Status AddValueFaults(const GgufModel& model, const CommonOptions& common,
                            VerifyResult* result) {
  ProgressBar bar("verify", DataBytes(model), common.progress, common.quiet);
  VerifyValuesOptions options;
  options.threads = common.threads;
  options.cancelled = &Interrupted();
  options.progress = [&bar](uint64_t bytes, absl::string_view name) { bar.Advance(bytes, name); };
  GGUF_ASSIGN_OR_RETURN(const auto faults, FindBadValues(model, options));
  for (const ValueFault& fault : faults) result->add_findings(fault.ToString());
  return absl::OkStatus();
}

absl::Status AddHashes(const GgufModel& model, const CommonOptions& common, VerifyResult* result) {
  ProgressBar bar("hash", DataBytes(model) + FileBytes(model), common.progress, common.quiet);
  HashOptions options;
  options.threads = common.threads;
  options.cancelled = &Interrupted();
  options.progress = [&bar](uint64_t bytes, absl::string_view name) { bar.Advance(bytes, name); };
  GGUF_ASSIGN_OR_RETURN(const ModelHashes hashes, HashModel(model, options));
  for (size_t i = 0; i < hashes.files.size(); ++i) {
    Hash* hash = result->add_file_hashes();
    hash->set_name(ToUtf8(model.shards()[i].name()));
    hash->set_sha256(hashes.files[i]);
  }
  for (size_t i = 0; i < hashes.tensors.size(); ++i) {
    Hash* hash = result->add_tensor_hashes();
    hash->set_name(ToUtf8(model.tensors()[i].name));
    hash->set_sha256(hashes.tensors[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VerifyResult> Verify(const std::string& path, bool hash,
                                    const CommonOptions& common) {
  VerifyResult result;
  result.set_schema_version(kSchemaVersion);
  const absl::StatusOr<GgufModel> model = GgufModel::Open(path);
  if (absl::IsInvalidArgument(model.status()) || absl::IsDataLoss(model.status())) {
    result.add_paths(ToUtf8(path));
    result.add_findings(std::string(model.status().message()));
    return result;
  }
  if (!model.ok()) return model.status();
  for (const GgufFile& file : model->shards()) result.add_paths(ToUtf8(file.name()));
  GGUF_ASSIGN_OR_RETURN(const auto faults, FindStructuralFaults(*model));
  for (const std::string& fault : faults) result.add_findings(fault);
  GGUF_RETURN_IF_ERROR(AddValueFaults(*model, common, &result));
  if (hash) GGUF_RETURN_IF_ERROR(AddHashes(*model, common, &result));
  result.set_is_valid(result.findings().empty());
  return result;
}

std::string VerifyText(const VerifyResult& result) {
  std::string text;
  for (const Hash& hash : result.tensor_hashes()) {
    absl::StrAppend(&text, hash.sha256(), "  ", EscapeText(hash.name()), "\n");
  }
  for (const Hash& hash : result.file_hashes()) {
    absl::StrAppend(&text, hash.sha256(), "  ", EscapeText(hash.name()), "\n");
  }
  for (const std::string& finding : result.findings()) absl::StrAppend(&text, finding, "\n");
  const size_t num_findings = result.findings_size();
  absl::StrAppend(&text, EscapeText(result.paths(0)));
  if (result.paths_size() > 1) {
    absl::StrAppend(&text, " and ", result.paths_size() - 1, " more shards");
  }
  absl::StrAppend(&text, ": ");
  if (result.is_valid()) {
    absl::StrAppend(&text, "valid\n");
  } else {
    absl::StrAppend(&text, num_findings, num_findings == 1 ? " fault\n" : " faults\n");
  }
  return text;
}

}  // namespace gguf
