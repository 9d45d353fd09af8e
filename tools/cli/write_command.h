// What `convert` and `quantize` share: options of writing files, and the run from plans to results.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_COMMAND_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_COMMAND_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_error.h"
#include "formats/tensor_source.h"
#include "gguf/split.h"
#include "quantize/plan.h"
#include "tools/cli/cli.h"

namespace gguf_toolchain {
class WriteResult;  // tools/report/result.proto
}

namespace gguf {

struct WriteCommandOptions {
  bool force = false;
  bool dry_run = false;
  bool verify = false;
  bool resume = false;
  std::vector<std::string> reports;
  std::string memory_limit;
  std::string split_max_size;
  uint64_t split_max_tensors = 0;
  bool no_tensor_first_split = false;
  bool provenance = false;
  const CLI::App* app = nullptr;  // of AddWriteOptions: provenance states what was given to it
  // Not an option: what is to be done when all outputs are complete, before the result is printed.
  // It may change the result. Empty: nothing.
  std::function<absl::Status(gguf_toolchain::WriteResult*)> after_write;
  // Not an option: when everything that can be seen in advance was found in order, before the work.
  std::function<absl::Status()> before_write;
  // Not an option: WriteOptions::check, outputs counted over all groups.
  std::function<absl::StatusOr<std::vector<std::string>>(
      size_t index, absl::Span<const std::string> paths, absl::Span<const TensorError> errors)>
      check;
};

// Adds --force, --dry-run, --verify, --resume, --report, --provenance, --memory-limit and the split
// options.
void AddWriteOptions(CLI::App* app, WriteCommandOptions* options);

// UsageError when any option of `app` was given an empty value: that of a shell variable that is
// not set, say, without which the work would be another one.
absl::Status CheckValuesGiven(const CLI::App& app);

// UsageError for a name of an output that asks for compression.
absl::Status CheckNotZstd(absl::string_view path);

// Whether one of the split options was given.
bool HasSplitOption(const WriteCommandOptions& options);

// Of the split options; UsageError for a bad size.
absl::StatusOr<SplitOptions> ParseSplitOptions(const WriteCommandOptions& options);

// The output's name when none was given: `<input without .gguf, shard number or
// slash>-{type}.gguf`.
std::string DefaultOutput(absl::string_view input);

// Writes (or, in a dry run, describes) the plans to `output`, whose `{type}` becomes each plan's
// type, and prints and reports the result.
absl::Status RunWriteCommand(const TensorSource& source, const std::vector<Plan>& plans,
                             absl::string_view program, absl::string_view output,
                             const WriteCommandOptions& options, const CommonOptions& common);

// As above with an output for each plan: they appear together, when all are complete.
struct PlannedOutput {
  const Plan* plan;
  std::string path;           // may hold {type}
  bool is_temporary = false;  // WriteRequest::is_temporary; not part of the result
};
absl::Status RunWriteCommand(const TensorSource& source, absl::Span<const PlannedOutput> outputs,
                             absl::string_view program, const WriteCommandOptions& options,
                             const CommonOptions& common);

// As above for several sources, one after the other; `input` is what the result calls them all.
// Everything is checked before the first is read. Outputs of one source appear together.
struct WriteGroup {
  const TensorSource* source;
  std::vector<PlannedOutput> outputs;
};
absl::Status RunWriteCommand(absl::Span<const WriteGroup> groups, absl::string_view input,
                             absl::string_view program, const WriteCommandOptions& options,
                             const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_COMMAND_H_
