#include "tools/gguf_commands/verify.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/archive.h"
#include "formats/complete_names.h"
#include "formats/deep_compare.h"
#include "formats/folder.h"
#include "formats/hash_model.h"
#include "formats/open.h"
#include "formats/verify_values.h"
#include "formats/vision/tower.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"
#include "gguf/reader.h"
#include "gguf/tensor_type.h"
#include "gguf/verify.h"
#include "tools/cli/progress.h"
#include "tools/gguf_commands/table.h"
#include "tools/gguf_commands/verify_image.h"
#include "tools/provenance/check.h"
#include "tools/provenance/statement.h"
#include "tools/report/render.h"
#include "tools/report/write_result.h"

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

HashOptions ToHashOptions(const CommonOptions& common, ProgressBar* bar) {
  HashOptions options;
  options.threads = common.threads;
  options.cancelled = &Interrupted();
  options.progress = [bar](uint64_t bytes, absl::string_view name) { bar->Advance(bytes, name); };
  return options;
}

// Of the statement's own errors findings are made: it is input like the model.
absl::Status AddProvenance(const GgufModel& model, const ModelHashes& hashes,
                           const VerifyOptions& options, const CommonOptions& common,
                           VerifyResult* result) {
  const std::string path =
      options.provenance == "auto" ? StatementPath(model.shards()[0].name()) : options.provenance;
  result->set_provenance(ToUtf8(path));
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, kMaxStatementBytes));
  const absl::StatusOr<Statement> statement = ParseStatement(path, text);
  if (!statement.ok()) {
    result->add_findings(std::string(statement.status().message()));
    return absl::OkStatus();
  }
  for (const std::string& finding : CompareWithStatement(*statement, model, hashes)) {
    result->add_findings(finding);
  }
  if (options.sources.empty()) {
    result->set_num_unchecked_sources(static_cast<double>(statement->dependencies.size()));
    return absl::OkStatus();
  }
  ProgressBar bar("sources", 0, "never", common.quiet);
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> findings,
                        CompareSources(*statement, options.sources, ToHashOptions(common, &bar)));
  for (const std::string& finding : findings) result->add_findings(finding);
  result->set_num_checked_sources(static_cast<double>(statement->dependencies.size()));
  return absl::OkStatus();
}

absl::Status AddHashes(const GgufModel& model, const VerifyOptions& verify,
                       const CommonOptions& common, VerifyResult* result) {
  ProgressBar bar("hash", DataBytes(model) + FileBytes(model), common.progress, common.quiet);
  GGUF_ASSIGN_OR_RETURN(const ModelHashes hashes, HashModel(model, ToHashOptions(common, &bar)));
  bar.Finish();
  if (!verify.provenance.empty()) {
    GGUF_RETURN_IF_ERROR(AddProvenance(model, hashes, verify, common, result));
  }
  if (!verify.hash) return absl::OkStatus();
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

void AddNameFindings(const NameFaults& faults, VerifyResult* result) {
  for (const std::string& name : faults.missing) {
    result->add_findings(absl::StrCat("tensor '", EscapeText(name, 80),
                                      "': is missing, and the metadata ask for it"));
  }
  for (const std::string& name : faults.unknown) {
    result->add_findings(
        absl::StrCat("tensor '", EscapeText(name, 80), "': has no place in a model of this kind"));
  }
}

absl::Status AddComparison(const TensorSource& source, const VerifyOptions& options,
                           const CommonOptions& common, VerifyResult* result) {
  uint64_t bytes = 0;
  for (const SourceTensor& tensor : source.tensors()) {
    bytes += TensorBytes(tensor.type, tensor.shape).value_or(0);
  }
  ProgressBar bar("compare", bytes, common.progress, common.quiet);
  DeepCompareOptions compare;
  compare.threads = common.threads;
  compare.max_error = options.max_error;
  compare.text_only = options.text_only;
  compare.cancelled = &Interrupted();
  compare.progress = [&bar](uint64_t done, absl::string_view name) { bar.Advance(done, name); };
  GGUF_ASSIGN_OR_RETURN(const DeepComparison comparison,
                        CompareDeeply(source, options.against, compare));
  result->set_against(ToUtf8(options.against));
  for (const DeepTensor& compared : comparison.tensors) {
    gguf_toolchain::TensorResult* tensor = result->add_compared();
    tensor->set_name(ToUtf8(compared.tensor.name));
    for (const uint64_t dim : compared.tensor.shape.dims()) {
      tensor->add_shape(static_cast<double>(dim));
    }
    tensor->set_source_type(std::string(NameOf(compared.against_type)));
    tensor->set_type(std::string(NameOf(compared.tensor.type)));
    const Shape& shape = compared.tensor.shape;
    tensor->set_source_bytes(TensorBytes(compared.against_type, shape).value_or(0));
    tensor->set_bytes(TensorBytes(compared.tensor.type, shape).value_or(0));
    SetError(compared.error, tensor->mutable_error());
  }
  result->set_num_uncompared(static_cast<double>(comparison.num_uncompared));
  SetError(comparison.total, result->mutable_error());
  for (const std::string& finding : comparison.findings) result->add_findings(finding);
  return absl::OkStatus();
}

// Cosines of embeddings that no sound tower falls below: Q8_0 gives 0.9999, Q4_0 0.99 to tiny ones,
// and more layers lose more.
constexpr double kLeastCosine = 0.99, kLeastCosineBelow8Bits = 0.9;

// The runtime knows one projector; other towers are compared by their tensors and keys.
bool CanRunTower(const TensorSource& source) {
  const auto projector = source.metadata().GetString(keys::kClipProjectorType);
  return !projector.ok() || *projector == kGemma3Tower.projector;
}

// Without an image to show, only where tensors and keys are in order, and the reference can run.
absl::Status AddImage(const std::string& path, const TensorSource& source,
                      const VerifyOptions& options, const CommonOptions& common,
                      VerifyResult* result) {
  bool has_tower = false;
  double least_cosine = kLeastCosine;
  for (const SourceTensor& tensor : source.tensors()) {
    if (!IsTowerTensor(tensor.name)) continue;
    has_tower = true;
    if (InfoOf(tensor.type).bits_per_weight() < 8) least_cosine = kLeastCosineBelow8Bits;
  }
  const bool is_checkpoint =
      KindOf(options.against) == PathKind::kFolder || IsArchive(options.against);
  const bool can_run = has_tower && CanRunTower(source) && !options.text_only && !is_checkpoint;
  if (options.image.empty() && (!can_run || !result->findings().empty())) {
    if (has_tower && !options.text_only && is_checkpoint) {
      result->set_no_images(
          "a checkpoint's tower cannot be run as it is; convert --mmproj makes a GGUF of it to "
          "verify against");
    }
    return absl::OkStatus();
  }
  return AddImageComparison(path, options.against, options.image, least_cosine, common, result);
}

absl::Status AddDeepFindings(const std::string& path, const VerifyOptions& options,
                             const CommonOptions& common, VerifyResult* result) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, OpenGgufSource(path));
  const absl::StatusOr<NameFaults> faults = FindNameFaults(*source);
  if (faults.ok()) {
    AddNameFindings(*faults, result);
  } else if (absl::IsUnimplemented(faults.status())) {
    if (options.against.empty()) return faults.status();
  } else {
    result->add_findings(std::string(faults.status().message()));
  }
  if (options.against.empty()) return absl::OkStatus();
  GGUF_RETURN_IF_ERROR(AddComparison(*source, options, common, result));
  return AddImage(path, *source, options, common, result);
}

std::string CompareText(const VerifyResult& result) {
  if (result.against().empty()) return "";
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (const gguf_toolchain::TensorResult& tensor : result.compared()) {
    table.AddRow({EscapeText(tensor.name()),
                  absl::StrCat(tensor.source_type(), " -> ", tensor.type()),
                  absl::StrFormat("relative RMSE %.6f", tensor.error().relative_rmse()),
                  absl::StrFormat("largest %.6g", tensor.error().max_abs_error())});
  }
  std::string text = table.ToString();
  absl::StrAppendFormat(&text, "%d tensors compared with %s: relative RMSE %.6f",
                        result.compared_size(), EscapeText(result.against()),
                        result.error().relative_rmse());
  if (result.num_uncompared() > 0) {
    absl::StrAppendFormat(&text, "; %.0f of the vision tower were not compared",
                          result.num_uncompared());
  }
  text.push_back('\n');
  if (!result.no_images().empty()) {
    absl::StrAppend(&text, "no image embeddings compared: ", result.no_images(), "\n");
  }
  for (const gguf_toolchain::ImageResult& image : result.images()) {
    absl::StrAppendFormat(&text, "embeddings of %s: cosine %.6f (least %.6f), relative RMSE %.6f\n",
                          EscapeText(image.image()), image.mean_cosine(), image.min_cosine(),
                          image.error().relative_rmse());
  }
  return text;
}

}  // namespace

absl::StatusOr<VerifyResult> Verify(const std::string& path, const VerifyOptions& options,
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
  if (options.hash || !options.provenance.empty()) {
    GGUF_RETURN_IF_ERROR(AddHashes(*model, options, common, &result));
  }
  if (options.deep) GGUF_RETURN_IF_ERROR(AddDeepFindings(path, options, common, &result));
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
  absl::StrAppend(&text, CompareText(result));
  if (!result.provenance().empty()) {
    absl::StrAppendFormat(&text, "compared with %s, sources checked: %.0f, not looked for: %.0f\n",
                          EscapeText(result.provenance()), result.num_checked_sources(),
                          result.num_unchecked_sources());
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
