#include "tools/job/job_file.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/folder.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "quantize/recipe.h"
#include "runtime/evaluate/text_windows.h"
#include "tools/cli/cli.h"
#include "tools/quantize_options.h"

namespace gguf {
namespace {

using gguf_toolchain::Job;
using gguf_toolchain::JobLimits;
using gguf_toolchain::JobOptions;
using gguf_toolchain::JobOutput;
using google::protobuf::TextFormat;

constexpr uint32_t kMaxWindow = 1u << 20;

// Keeps the first error of the parser.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  void AddWarning(int /*line*/, int /*column*/, const std::string& /*message*/) override {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status Parse(JobFile* file) {
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(file->path, kMaxJobFileBytes));
  FirstError error;
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(text, &file->job)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file->path, ":", error.text(), " (tools/job/job.proto lists the fields)"));
  }
  const auto* field = Job::descriptor()->FindFieldByNumber(Job::kOutputFieldNumber);
  for (int i = 0; i < file->job.output_size(); ++i) {
    file->lines.push_back(tree.GetLocation(field, i).line + 1);
  }
  return absl::OkStatus();
}

// `own` on top of `shared`.
JobOptions Merge(const JobOptions& shared, const JobOptions& own) {
  JobOptions merged = shared;
  merged.MergeFrom(own);
  merged.clear_tensor_type();  // of which the first that fits counts
  merged.mutable_tensor_type()->MergeFrom(own.tensor_type());
  merged.mutable_tensor_type()->MergeFrom(shared.tensor_type());
  return merged;
}

// Whether a source or tool outside the file system is meant by `path`, or nothing, or a place that
// is the same from everywhere.
bool IsPlaced(absl::string_view path) { return path.empty() || path[0] == '/'; }

void Rebase(absl::string_view job_path, std::string* path) {
  const size_t slash = job_path.rfind('/');
  if (IsPlaced(*path) || slash == absl::string_view::npos) return;
  *path = absl::StrCat(job_path.substr(0, slash + 1), *path);
}

void RebaseAll(const std::string& job_path, JobOutput* output) {
  Rebase(job_path, output->mutable_source());
  Rebase(job_path, output->mutable_imatrix());
  Rebase(job_path, output->mutable_path());
  if (output->options().has_tensor_type_file()) {
    Rebase(job_path, output->mutable_options()->mutable_tensor_type_file());
  }
  if (output->limits().has_base()) Rebase(job_path, output->mutable_limits()->mutable_base());
  if (output->limits().has_text()) Rebase(job_path, output->mutable_limits()->mutable_text());
}

// Gives every output what it takes from the job.
void Complete(JobFile* file) {
  Job& job = file->job;
  for (JobOutput& output : *job.mutable_output()) {
    file->own_options.push_back(output.options());
    if (output.source().empty()) output.set_source(job.source());
    if (output.imatrix().empty() && !output.mmproj()) output.set_imatrix(job.imatrix());
    if (!output.mmproj()) {
      *output.mutable_options() = Merge(job.options(), output.options());
    } else {  // of the job's, what applies to a tower
      JobOptions shared;
      if (job.options().has_effort()) shared.set_effort(job.options().effort());
      if (job.options().has_allow_requantize()) {
        shared.set_allow_requantize(job.options().allow_requantize());
      }
      *output.mutable_options() = Merge(shared, output.options());
    }
    JobLimits limits = job.limits();
    if (output.mmproj()) {
      limits.clear_max_kl_divergence();
      limits.clear_base();
      limits.clear_text();
      limits.clear_context();
      limits.clear_chunks();
    }
    limits.MergeFrom(output.limits());
    *output.mutable_limits() = limits;
    file->imatrix_names.push_back(output.imatrix());
    RebaseAll(file->path, &output);
  }
  Rebase(file->path, job.mutable_metadata());
}

absl::Status CheckBound(absl::string_view name, bool is_set, double value) {
  if (!is_set || (std::isfinite(value) && value >= 0)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is ", value, ", expected a number from 0 up"));
}

absl::Status CheckLimits(const JobOutput& output) {
  const JobLimits& limits = output.limits();
  GGUF_RETURN_IF_ERROR(
      CheckBound("max_tensor_error", limits.has_max_tensor_error(), limits.max_tensor_error()));
  GGUF_RETURN_IF_ERROR(
      CheckBound("max_kl_divergence", limits.has_max_kl_divergence(), limits.max_kl_divergence()));
  if (limits.has_max_size()) {
    const absl::StatusOr<uint64_t> size = ParseSize(limits.max_size());
    if (!size.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("max_size: ", size.status().message()));
    }
  }
  if (!limits.has_max_kl_divergence()) return absl::OkStatus();
  if (output.mmproj()) {
    return absl::InvalidArgumentError("max_kl_divergence is of language models, not of mmproj");
  }
  if (!limits.has_base() && !limits.has_text()) {
    return absl::InvalidArgumentError("max_kl_divergence needs `base` or `text`");
  }
  if (limits.has_base() && (limits.has_context() || limits.has_chunks())) {
    return absl::InvalidArgumentError(
        "`base` has its own windows: `context` and `chunks` do not go with it");
  }
  if (limits.has_context() && (limits.context() < kMinWindow || limits.context() > kMaxWindow)) {
    return absl::InvalidArgumentError(absl::StrCat("context is ", limits.context(), ", expected ",
                                                   kMinWindow, " to ", kMaxWindow));
  }
  return absl::OkStatus();
}

absl::Status CheckLimitNames(const JobLimits& limits, bool has_divergence) {
  const bool is_idle =
      limits.has_base() || limits.has_text() || limits.has_context() || limits.has_chunks();
  if (has_divergence || !is_idle) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "base, text, context and chunks are of max_kl_divergence, which is not set");
}

absl::Status CheckTogether(const JobOptions& options) {
  if (options.include_weights_size() > 0 && options.exclude_weights_size() > 0) {
    return absl::InvalidArgumentError("include_weights and exclude_weights contradict each other");
  }
  if (options.leave_output_tensor() && options.has_output_tensor_type()) {
    return absl::InvalidArgumentError(
        "leave_output_tensor and output_tensor_type contradict each other");
  }
  if (options.keep_split() && (options.has_split_max_size() || options.has_split_max_tensors() ||
                               options.no_tensor_first_split())) {
    return absl::InvalidArgumentError(
        "keep_split and the other split options contradict each "
        "other");
  }
  return absl::OkStatus();
}

// Options of a vision tower's output beside those it obeys.
absl::Status CheckTower(const JobOutput& output) {
  JobOptions others = output.options();
  others.clear_effort();
  others.clear_allow_requantize();
  if (others.ByteSizeLong() == 0 && output.imatrix().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "of an output with mmproj, only the options effort and allow_requantize have an effect");
}

absl::Status CheckType(const JobOutput& output) {
  if (output.type().empty()) return absl::InvalidArgumentError("has no type");
  if (output.mmproj()) return ParseWeightType(output.type()).status();
  return IsCopy(output.type()) ? absl::OkStatus() : ParseRecipe(output.type()).status();
}

absl::Status CheckFiles(const JobOutput& output) {
  if (KindOf(output.source()) == PathKind::kNothing) {
    return absl::NotFoundError(absl::StrCat("source '", output.source(), "' does not exist"));
  }
  const std::string* files[] = {&output.imatrix(), &output.options().tensor_type_file(),
                                &output.limits().base(), &output.limits().text()};
  for (const std::string* path : files) {
    if (path->empty()) continue;
    GGUF_RETURN_IF_ERROR(OpenFile(*path).status());
    if (IsSameFile(*path, output.path())) {
      return absl::InvalidArgumentError("is also an input; choose another name");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOutput(JobOutput* output) {
  if (output->path().empty()) return absl::InvalidArgumentError("has no path");
  if (output->source().empty()) {
    return absl::InvalidArgumentError("has no source, and the job has none either");
  }
  GGUF_RETURN_IF_ERROR(CheckType(*output));
  GGUF_RETURN_IF_ERROR(CheckTogether(output->options()));
  if (output->mmproj()) GGUF_RETURN_IF_ERROR(CheckTower(*output));
  GGUF_RETURN_IF_ERROR(CheckLimits(*output));
  return CheckFiles(*output);
}

}  // namespace

absl::Status AtOutput(const JobFile& file, int output, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string& path = file.job.output(output).path();
  return absl::Status(status.code(), absl::StrCat(file.path, ":", file.lines[output], ": output '",
                                                  path.empty() ? absl::StrCat(output + 1) : path,
                                                  "': ", status.message()));
}

absl::StatusOr<JobFile> ReadJobFile(const std::string& path) {
  JobFile file;
  file.path = path;
  GGUF_RETURN_IF_ERROR(Parse(&file));
  if (file.job.output_size() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": holds no output, expected at least one: output { type: \"Q4_K_M\" "
                     "path: \"model-{type}.gguf\" }"));
  }
  bool has_divergence = false;
  for (int i = 0; i < file.job.output_size(); ++i) {
    const JobOutput& output = file.job.output(i);
    has_divergence |= output.limits().has_max_kl_divergence();
    const bool has_bound =
        output.limits().has_max_kl_divergence() || file.job.limits().has_max_kl_divergence();
    GGUF_RETURN_IF_ERROR(AtOutput(file, i, CheckLimitNames(output.limits(), has_bound)));
  }
  const absl::Status shared = CheckLimitNames(
      file.job.limits(), has_divergence || file.job.limits().has_max_kl_divergence());
  if (!shared.ok()) {
    return absl::Status(shared.code(), absl::StrCat(path, ": limits: ", shared.message()));
  }
  Complete(&file);
  for (int i = 0; i < file.job.output_size(); ++i) {
    GGUF_RETURN_IF_ERROR(AtOutput(file, i, CheckOutput(file.job.mutable_output(i))));
  }
  return file;
}

}  // namespace gguf
