#include "tools/job/plan_job.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "formats/open.h"
#include "formats/vision/tower.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "importance/data.h"
#include "quantize/plan_convert.h"
#include "quantize/plan_tensors.h"
#include "quantize/plan_tower.h"
#include "tools/job/divergence.h"
#include "tools/quantize_options.h"
#include "tools/quantize_plan.h"
#include "tools/quantize_tower.h"

namespace gguf {
namespace {

using gguf_toolchain::JobOptions;
using gguf_toolchain::JobOutput;

// What the command line would have been for this output.
QuantizeFlags FlagsOf(const JobOutput& output, bool is_dry_run, const CommonOptions& common) {
  const JobOptions& options = output.options();
  QuantizeFlags flags;
  flags.common = common;
  flags.write.dry_run = is_dry_run;
  flags.write.split_max_size = options.split_max_size();
  flags.write.split_max_tensors = options.split_max_tensors();
  flags.write.no_tensor_first_split = options.no_tensor_first_split();
  flags.input = output.source();
  flags.types = {output.type()};
  flags.imatrix = output.imatrix();
  flags.include_weights.assign(options.include_weights().begin(), options.include_weights().end());
  flags.exclude_weights.assign(options.exclude_weights().begin(), options.exclude_weights().end());
  if (output.mmproj()) flags.mmproj_type = output.type();
  flags.options.recipe.pure = options.pure();
  flags.options.recipe.leave_output_tensor = options.leave_output_tensor();
  flags.options.allow_requantize = options.allow_requantize();
  flags.options.keep_split = options.keep_split();
  if (options.has_effort()) flags.effort = options.effort();
  flags.output_tensor_type = options.output_tensor_type();
  flags.token_embedding_type = options.token_embedding_type();
  flags.tensor_types.assign(options.tensor_type().begin(), options.tensor_type().end());
  flags.tensor_type_file = options.tensor_type_file();
  flags.prune_layers = absl::StrJoin(options.prune_layer(), ",");
  flags.overrides.assign(options.override_kv().begin(), options.override_kv().end());
  return flags;
}

// Plans outputs one after the other; opens each source and reads each importance file once.
class Planner {
 public:
  Planner(const JobFile& file, const WriteCommandOptions& write, const CommonOptions& common)
      : file_(file), is_dry_run_(write.dry_run), common_(common) {
    open_.model_name = file.job.model_name();
    open_.metadata_file = file.job.metadata();
    open_.pre = file.job.pre();
  }

  absl::Status Add(int index) {
    const JobOutput& output = file_.job.output(index);
    QuantizeFlags flags = FlagsOf(output, is_dry_run_, common_);
    GGUF_RETURN_IF_ERROR(ParseQuantizeValues(&flags));
    GGUF_ASSIGN_OR_RETURN(JobGroup * group, GroupOf(output));
    JobArtifact artifact;
    artifact.output = index;
    if (output.mmproj()) {
      GGUF_ASSIGN_OR_RETURN(artifact.plan, PlanTowerOutput(flags, group));
    } else {
      GGUF_ASSIGN_OR_RETURN(artifact.plan, PlanModel(index, flags, *group));
    }
    artifact.path = ExpandType(output.path(), artifact.plan->type_name);
    GGUF_RETURN_IF_ERROR(CheckArtifact(output, artifact, group));
    group->artifacts.push_back(std::move(artifact));
    return absl::OkStatus();
  }

  // Towers' tensors come behind those of their language models.
  std::vector<JobGroup> Finish() {
    for (JobGroup& group : groups_) {
      if (group.tower == nullptr) continue;
      group.joined = std::make_unique<JoinedSource>(
          std::vector<const TensorSource*>{group.source.get(), group.tower.get()});
      for (JobArtifact& artifact : group.artifacts) {
        if (artifact.output < 0 || !file_.job.output(artifact.output).mmproj()) continue;
        OffsetSource(group.joined->first_of(1), artifact.plan.get());
      }
    }
    return std::move(groups_);
  }

 private:
  absl::StatusOr<JobGroup*> GroupOf(const JobOutput& output) {
    for (JobGroup& group : groups_) {
      if (group.path == output.source()) return &group;
    }
    JobGroup group;
    group.path = output.source();
    group.is_gguf = KindOf(group.path) == PathKind::kFile && !IsArchive(group.path);
    GGUF_ASSIGN_OR_RETURN(group.source,
                          OpenSource(group.path, group.is_gguf ? OpenOptions() : open_));
    groups_.push_back(std::move(group));
    return &groups_.back();
  }

  absl::StatusOr<const ImportanceData*> ImportanceOf(int index, const QuantizeFlags& flags) {
    const std::string key =
        absl::StrCat(flags.imatrix, "\n", absl::StrJoin(flags.include_weights, "\n"), "\n\n",
                     absl::StrJoin(flags.exclude_weights, "\n"));
    const auto known = importance_.find(key);
    if (known != importance_.end()) return &known->second;
    ImportanceData data;
    if (!flags.imatrix.empty()) {
      GGUF_ASSIGN_OR_RETURN(data, ReadFilteredImportance(flags));
      data.path = file_.imatrix_names[index];
    }
    return &importance_.emplace(key, std::move(data)).first->second;
  }

  absl::StatusOr<std::unique_ptr<Plan>> PlanModel(int index, const QuantizeFlags& flags,
                                                  const JobGroup& group) {
    GGUF_RETURN_IF_ERROR(CheckQuantizesSomething(*group.source, flags));
    const JobOptions& own = file_.own_options[index];
    const auto is_given = [&](const char* name) {
      if (absl::string_view(name) == "--pure") return own.pure();
      if (absl::string_view(name) == "--tensor-type") return own.tensor_type_size() > 0;
      return false;  // the rest may be the job's, for other outputs
    };
    GGUF_RETURN_IF_ERROR(CheckIdleOptions(is_given, flags.types));
    GGUF_ASSIGN_OR_RETURN(const ImportanceData* importance, ImportanceOf(index, flags));
    GGUF_ASSIGN_OR_RETURN(Plan plan,
                          PlanType(*group.source, flags.types[0], *importance, flags.options));
    return std::make_unique<Plan>(std::move(plan));
  }

  absl::StatusOr<std::unique_ptr<Plan>> PlanTowerOutput(const QuantizeFlags& flags,
                                                        JobGroup* group) {
    GGUF_ASSIGN_OR_RETURN(const TowerOptions options, ReadTowerOptions(flags));
    if (group->is_gguf) {
      const TensorSource& source = *group->source;
      GGUF_ASSIGN_OR_RETURN(
          const TowerSizes sizes,
          TowerFromMmproj(source.name(), source.metadata(), source.tensors().size()));
      GGUF_ASSIGN_OR_RETURN(Plan plan, PlanTower(source, sizes, options));
      return std::make_unique<Plan>(std::move(plan));
    }
    if (group->tower == nullptr) {
      GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(group->path));
      GGUF_ASSIGN_OR_RETURN(group->tower, VisionCheckpoint::Open(folder, open_));
    }
    GGUF_ASSIGN_OR_RETURN(Plan plan, PlanTower(*group->tower, group->tower->sizes(), options));
    return std::make_unique<Plan>(std::move(plan));
  }

  // Limits that plans alone can miss, and what measuring the others needs.
  absl::Status CheckArtifact(const JobOutput& output, const JobArtifact& artifact,
                             JobGroup* group) {
    const gguf_toolchain::JobLimits& limits = output.limits();
    if (limits.has_max_size()) {
      const uint64_t bound = ParseSize(limits.max_size()).value_or(0);
      if (artifact.plan->file_bytes() > bound) {
        return absl::FailedPreconditionError(
            absl::StrCat("would have ", artifact.plan->file_bytes(), " bytes (",
                         FormatSize(artifact.plan->file_bytes()), "), max_size is ", bound, " (",
                         limits.max_size(), "); choose a smaller type or raise the limit"));
      }
    }
    if (!limits.has_max_kl_divergence()) return absl::OkStatus();
    if (artifact.plan->shards.size() > 1) {
      return absl::InvalidArgumentError(
          "max_kl_divergence is measured of outputs in one file; leave out the split options");
    }
    GGUF_RETURN_IF_ERROR(CheckCanRun(group->path, group->source->metadata()));
    const bool needs_reference = !limits.has_base() && !group->is_gguf;
    const bool has_reference = !group->artifacts.empty() && group->artifacts[0].output < 0;
    if (!needs_reference || has_reference) return absl::OkStatus();
    JobArtifact reference;
    GGUF_ASSIGN_OR_RETURN(Plan plan, PlanConversion(*group->source, ConvertOptions()));
    reference.plan = std::make_unique<Plan>(std::move(plan));
    reference.path = absl::StrCat(artifact.path, ".reference");
    group->artifacts.insert(group->artifacts.begin(), std::move(reference));
    return absl::OkStatus();
  }

  const JobFile& file_;
  const bool is_dry_run_;
  const CommonOptions& common_;
  OpenOptions open_;
  std::vector<JobGroup> groups_;
  std::map<std::string, ImportanceData> importance_;  // by file and filters
};

// Several types of one job often have the same to say.
void RemoveRepeatedWarnings(std::vector<JobGroup>* groups) {
  std::vector<std::string> seen;
  for (JobGroup& group : *groups) {
    for (JobArtifact& artifact : group.artifacts) {
      auto& warnings = artifact.plan->warnings;
      const auto is_repeated = [&](const std::string& warning) {
        if (std::find(seen.begin(), seen.end(), warning) != seen.end()) return true;
        seen.push_back(warning);
        return false;
      };
      warnings.erase(std::remove_if(warnings.begin(), warnings.end(), is_repeated), warnings.end());
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<JobGroup>> PlanJob(const JobFile& file, const WriteCommandOptions& write,
                                              const CommonOptions& common) {
  Planner planner(file, write, common);
  for (int i = 0; i < file.job.output_size(); ++i) {
    const absl::Status status = planner.Add(i);
    if (!status.ok()) return AtOutput(file, i, status);
  }
  std::vector<JobGroup> groups = planner.Finish();
  RemoveRepeatedWarnings(&groups);
  return groups;
}

}  // namespace gguf
