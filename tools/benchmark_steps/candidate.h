// The models of a benchmark: files, or types to quantize one model to.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CANDIDATE_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CANDIDATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tools/benchmark_steps/request.h"

namespace gguf {

struct Candidate {
  std::string name;      // short, distinct
  std::string path;      // where the file is, or will be
  std::string type;      // to be quantized to; empty: the file is there
  std::string identity;  // of the file's bytes: equal for equal ones, other for others
};

// "absolute path, bytes, time of change" of each file, which stand for their bytes. NotFound.
absl::StatusOr<std::string> IdentityOf(absl::Span<const std::string> paths);

// Files without ".gguf" and shard number, less the part up to a '-' that all begin with; whole
// paths where two would be the same.
std::vector<std::string> ShortNames(absl::Span<const std::string> paths);

// The base first: --base, else the first of --models, else --model when it can be run, else the
// first of --types. Types will be quantized into `folder`. Opens every file. A file named twice
// occurs once.
absl::StatusOr<std::vector<Candidate>> FindCandidates(const BenchmarkRequest& request,
                                                      absl::string_view folder);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_CANDIDATE_H_
