#include "tools/quality_commands/measure.h"

#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "google/protobuf/util/json_util.h"
#include "tools/evaluate_commands/kl.h"
#include "tools/gguf_commands/verify.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::QualityResult;

// A row per tensor is some 400 bytes; models have thousands.
constexpr uint64_t kMaxFiguresBytes = uint64_t{64} << 20;

// Figures are compared between folders and machines, so paths stay out of them.
std::string WithoutFolders(absl::string_view path) {
  while (path.size() > 1 && absl::ConsumeSuffix(&path, "/")) {
  }
  return ToUtf8(path.substr(path.rfind('/') + 1));
}

absl::Status AddFiles(const gguf_toolchain::VerifyResult& verified, QualityResult* result) {
  double file_bytes = 0;
  for (const std::string& path : verified.paths()) {
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
    file_bytes += static_cast<double>(file->size());
  }
  result->set_file_bytes(file_bytes);
  for (const gguf_toolchain::Hash& hash : verified.file_hashes()) {
    gguf_toolchain::Hash* file = result->add_files();
    file->set_name(WithoutFolders(hash.name()));
    file->set_sha256(hash.sha256());
  }
  return absl::OkStatus();
}

void AddTensors(const gguf_toolchain::VerifyResult& verified, QualityResult* result) {
  double num_values = 0, num_bytes = 0;
  for (const gguf_toolchain::TensorResult& tensor : verified.compared()) {
    double tensor_values = 1;
    for (const double dim : tensor.shape()) tensor_values *= dim;
    num_values += tensor_values;
    num_bytes += tensor.bytes();
  }
  result->set_num_values(num_values);
  if (num_values > 0) result->set_bits_per_weight(8 * num_bytes / num_values);
  *result->mutable_tensors() = verified.compared();
  *result->mutable_error() = verified.error();
}

}  // namespace

absl::StatusOr<QualityResult> MeasureQuality(const MeasureOptions& options,
                                             const CommonOptions& common) {
  VerifyOptions verify;
  verify.hash = true;
  verify.deep = true;
  verify.against = options.against;
  GGUF_ASSIGN_OR_RETURN(const gguf_toolchain::VerifyResult verified,
                        Verify(options.model, verify, common));
  QualityResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_model(WithoutFolders(options.model));
  result.set_against(WithoutFolders(options.against));
  GGUF_RETURN_IF_ERROR(AddFiles(verified, &result));
  AddTensors(verified, &result);
  *result.mutable_findings() = verified.findings();
  // A file that readers refuse cannot be run; its finding says why.
  if (options.base.empty() || verified.compared().empty()) return result;
  ModelOptions model;
  model.model = options.model;
  GGUF_ASSIGN_OR_RETURN(gguf_toolchain::DivergenceResult divergence,
                        MeasureKl(model, options.base, options.text, common));
  divergence.set_model(WithoutFolders(divergence.model()));
  divergence.set_base(WithoutFolders(divergence.base()));
  divergence.set_seconds(0);
  result.mutable_warnings()->Swap(divergence.mutable_warnings());
  *result.mutable_divergence() = std::move(divergence);
  return result;
}

absl::StatusOr<QualityResult> ParseQuality(absl::string_view path, absl::string_view json) {
  QualityResult result;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &result);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": is no result of 'quality measure': ",
        EscapeText(std::string(status.message().data(), status.message().size()), 200)));
  }
  if (result.schema_version() != kSchemaVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has schema_version ", result.schema_version(), ", expected ",
                     kSchemaVersion, "; measure again with this version's 'quality measure'"));
  }
  return result;
}

absl::StatusOr<QualityResult> ReadQuality(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(const std::string json, ReadFileToString(path, kMaxFiguresBytes));
  return ParseQuality(path, json);
}

}  // namespace gguf
