#include "tools/job/run_job.h"

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "quantize/write.h"
#include "tools/job/divergence.h"
#include "tools/job/job_file.h"
#include "tools/job/plan_job.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

using gguf_toolchain::JobLimits;
using gguf_toolchain::JobOutput;

// Judges the artifacts of a job as they become complete.
class Judge {
 public:
  Judge(const JobFile& file, const std::vector<JobGroup>& groups, const CommonOptions& common)
      : file_(file), common_(common) {
    for (const JobGroup& group : groups) {
      for (const JobArtifact& artifact : group.artifacts) artifacts_.push_back({&group, &artifact});
    }
  }

  // Opens base files, and runs the sources that can be run as they are: before the work, so that a
  // text or model that will not do is found first.
  absl::Status Prepare() {
    for (const auto& [group, artifact] : artifacts_) {
      if (artifact->output < 0) continue;
      const JobOutput& output = file_.job.output(artifact->output);
      const JobLimits& limits = output.limits();
      if (!limits.has_max_kl_divergence() || bases_.count(KeyOf(output)) > 0) continue;
      if (!limits.has_base() && !group->is_gguf) continue;
      absl::Status status;
      if (limits.has_base()) {
        status = Keep(output, DivergenceBase::FromFile(limits.base(), limits.text()));
      } else {
        status = RunBase(output, group->path, *artifact);
      }
      if (!status.ok()) return AtOutput(file_, artifact->output, status);
    }
    return absl::OkStatus();
  }

  // WriteCommandOptions::check.
  absl::StatusOr<std::vector<std::string>> Check(size_t index, absl::Span<const std::string> paths,
                                                 absl::Span<const TensorError> errors) {
    const auto& [group, artifact] = artifacts_[index];
    std::vector<std::string> misses;
    if (artifact->output < 0) {
      GGUF_RETURN_IF_ERROR(RunReference(*group, paths[0]));
      return misses;
    }
    const JobOutput& output = file_.job.output(artifact->output);
    CheckErrors(output, *artifact, errors, &misses);
    if (output.limits().has_max_kl_divergence()) {
      const absl::StatusOr<Divergence> found = bases_.at(KeyOf(output))->Measure(paths[0], common_);
      if (!found.ok()) return AtOutput(file_, artifact->output, found.status());
      divergences_[artifact->output] = *found;
      if (!(found->mean <= output.limits().max_kl_divergence())) {
        misses.push_back(absl::StrFormat(
            "mean KL divergence is %.6g +- %.2g nats per token, max_kl_divergence is %g",
            found->mean, found->standard_error, output.limits().max_kl_divergence()));
      }
    }
    for (const std::string& miss : misses) {
      std::fprintf(stderr, "quantize: '%s': %s\n", Printable(artifact->path).c_str(),
                   Printable(miss).c_str());
    }
    num_misses_ += misses.size();
    return misses;
  }

  // WriteCommandOptions::after_write.
  absl::Status Report(gguf_toolchain::WriteResult* result) const {
    int output = 0;
    for (const auto& [group, artifact] : artifacts_) {
      if (artifact->output < 0) continue;
      gguf_toolchain::OutputResult* described = result->mutable_outputs(output++);
      const auto found = divergences_.find(artifact->output);
      if (found == divergences_.end()) continue;
      described->set_mean_kld(found->second.mean);
      described->set_mean_kld_stderr(found->second.standard_error);
    }
    return absl::OkStatus();
  }

  size_t num_misses() const { return num_misses_; }

 private:
  // Outputs with equal keys have one base.
  static std::string KeyOf(const JobOutput& output) {
    const JobLimits& limits = output.limits();
    return absl::StrCat(limits.has_base() ? limits.base() : output.source(), "\n", limits.text(),
                        "\n", limits.has_base(), " ", limits.context(), " ", limits.chunks());
  }

  absl::Status Keep(const JobOutput& output, absl::StatusOr<std::unique_ptr<DivergenceBase>> base) {
    if (!base.ok()) return base.status();
    bases_[KeyOf(output)] = *std::move(base);
    return absl::OkStatus();
  }

  absl::Status RunBase(const JobOutput& output, const std::string& model,
                       const JobArtifact& artifact) {
    DivergenceText text;
    text.path = output.limits().text();
    if (output.limits().has_context()) text.context = output.limits().context();
    text.chunks = output.limits().chunks();
    return Keep(output, DivergenceBase::FromModel(model, text, absl::StrCat(artifact.path, ".base"),
                                                  common_));
  }

  // The bases of a group whose source had to be written first.
  absl::Status RunReference(const JobGroup& group, const std::string& model) {
    for (const JobArtifact& artifact : group.artifacts) {
      if (artifact.output < 0) continue;
      const JobOutput& output = file_.job.output(artifact.output);
      if (!output.limits().has_max_kl_divergence() || bases_.count(KeyOf(output)) > 0) continue;
      const absl::Status status = RunBase(output, model, artifact);
      if (!status.ok()) return AtOutput(file_, artifact.output, status);
    }
    return absl::OkStatus();
  }

  static void CheckErrors(const JobOutput& output, const JobArtifact& artifact,
                          absl::Span<const TensorError> errors, std::vector<std::string>* misses) {
    if (!output.limits().has_max_tensor_error()) return;
    const double bound = output.limits().max_tensor_error();
    for (size_t i = 0; i < errors.size(); ++i) {
      if (errors[i].relative_rmse() <= bound) continue;
      misses->push_back(
          absl::StrFormat("tensor '%s' as %s has a relative RMSE of %.6g, max_tensor_error is %g",
                          artifact.plan->tensors[i].name, NameOf(artifact.plan->tensors[i].type),
                          errors[i].relative_rmse(), bound));
    }
  }

  const JobFile& file_;
  const CommonOptions& common_;
  std::vector<std::pair<const JobGroup*, const JobArtifact*>> artifacts_;
  std::map<std::string, std::unique_ptr<DivergenceBase>> bases_;
  std::map<int, Divergence> divergences_;  // by output
  size_t num_misses_ = 0;
};

// No output may be the job itself.
absl::Status CheckNames(const JobFile& file, const std::vector<JobGroup>& groups) {
  for (const JobGroup& group : groups) {
    for (const JobArtifact& artifact : group.artifacts) {
      if (artifact.output < 0 || !IsSameFile(artifact.path, file.path)) continue;
      return AtOutput(file, artifact.output,
                      absl::InvalidArgumentError("is the job file; choose another name"));
    }
  }
  return absl::OkStatus();
}

bool HasErrorLimit(const JobFile& file) {
  for (const JobOutput& output : file.job.output()) {
    if (output.limits().has_max_tensor_error()) return true;
  }
  return false;
}

}  // namespace

absl::Status RunJob(const std::string& path, const WriteCommandOptions& given,
                    const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const JobFile file, ReadJobFile(path));
  GGUF_ASSIGN_OR_RETURN(const std::vector<JobGroup> groups, PlanJob(file, given, common));
  GGUF_RETURN_IF_ERROR(CheckNames(file, groups));
  std::vector<WriteGroup> writes;
  for (const JobGroup& group : groups) {
    WriteGroup write{&group.all(), {}};
    for (const JobArtifact& artifact : group.artifacts) {
      write.outputs.push_back({artifact.plan.get(), artifact.path, artifact.output < 0});
    }
    writes.push_back(std::move(write));
  }
  Judge judge(file, groups, common);
  WriteCommandOptions options = given;
  options.verify |= !given.dry_run && HasErrorLimit(file);
  options.before_write = [&] { return judge.Prepare(); };
  options.check = [&](size_t index, absl::Span<const std::string> paths,
                      absl::Span<const TensorError> errors) {
    return judge.Check(index, paths, errors);
  };
  options.after_write = [&](gguf_toolchain::WriteResult* result) { return judge.Report(result); };
  GGUF_RETURN_IF_ERROR(RunWriteCommand(writes, groups.size() == 1 ? groups[0].path : path,
                                       "quantize", options, common));
  return judge.num_misses() == 0 ? absl::OkStatus() : FoundDifferences();
}

}  // namespace gguf
