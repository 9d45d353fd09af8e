// Opens the sources of a job and plans its outputs: everything that can go wrong before a weight is
// read goes wrong here.

#ifndef GGUF_TOOLCHAIN_TOOLS_JOB_PLAN_JOB_H_
#define GGUF_TOOLCHAIN_TOOLS_JOB_PLAN_JOB_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"
#include "formats/vision/vision_checkpoint.h"
#include "quantize/joined_source.h"
#include "quantize/plan.h"
#include "tools/cli/cli.h"
#include "tools/cli/write_command.h"
#include "tools/job/job_file.h"

namespace gguf {

// An output of the job, or the reference of a group.
struct JobArtifact {
  int output = -1;  // index in the job; -1: the reference
  std::unique_ptr<Plan> plan;
  std::string path;  // {type} replaced
};

// All that is made from one source.
struct JobGroup {
  std::string path;  // of the source
  std::unique_ptr<TensorSource> source;
  std::unique_ptr<VisionCheckpoint> tower;  // null: no output needs it
  std::unique_ptr<JoinedSource> joined;     // of both
  // In the job's order. A reference comes first: the source as F16 or BF16, for the divergence of
  // the others from it, when the source is no GGUF that can be run as it is.
  std::vector<JobArtifact> artifacts;
  bool is_gguf = false;

  const TensorSource& all() const { return joined != nullptr ? *joined : *source; }
};

// Errors name the job file's line and the output.
absl::StatusOr<std::vector<JobGroup>> PlanJob(const JobFile& file, const WriteCommandOptions& write,
                                              const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_JOB_PLAN_JOB_H_
