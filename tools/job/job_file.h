// Reads a job file and finds everything wrong with it that can be seen without opening a model.

#ifndef GGUF_TOOLCHAIN_TOOLS_JOB_JOB_FILE_H_
#define GGUF_TOOLCHAIN_TOOLS_JOB_JOB_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/job/job.pb.h"

namespace gguf {

inline constexpr uint64_t kMaxJobFileBytes = uint64_t{16} << 20;

struct JobFile {
  std::string path;
  // As written, but: paths start at the folder the program runs in, {type} in them is replaced, and
  // each output has its source, importance data, options and limits, its own or the job's.
  gguf_toolchain::Job job;
  // Per output, the importance data's path as it is written: goes into the metadata, which must not
  // depend on where the program runs.
  std::vector<std::string> imatrix_names;
  std::vector<gguf_toolchain::JobOptions> own_options;  // per output, without the job's
  std::vector<int> lines;                               // per output, from 1
};

// Errors: "FILE:LINE:COLUMN: ..." for what is not text of tools/job/job.proto; "FILE:LINE: output
// 'PATH': ..." for a missing or impossible value, a contradiction, or a missing file.
absl::StatusOr<JobFile> ReadJobFile(const std::string& path);

// An error about one output, which says where it stands.
absl::Status AtOutput(const JobFile& file, int output, const absl::Status& status);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_JOB_JOB_FILE_H_
