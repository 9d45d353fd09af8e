// What lets a run go on where another one stopped: who may continue whose work, and which outputs
// are complete already.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_RESUME_H_
#define GGUF_TOOLCHAIN_QUANTIZE_RESUME_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "quantize/execute.h"
#include "quantize/journal.h"
#include "quantize/plan.h"

namespace gguf {

// Of `program` (any words) and the bytes of the running program's own file.
std::string ProgramIdentity(absl::string_view program);

// Of the source's tensors and of size and time of last change of the files it is read from; not of
// their names, which depend on where the user stands.
absl::StatusOr<std::string> SourceIdentity(const TensorSource& source);

// Of everything but source and program that the bytes of a shard depend on.
std::string PlanIdentity(const Plan& plan, size_t shard);

// Row ranges of a complete file that CheckComplete makes again.
inline constexpr size_t kSampledRanges = 48;

// Whether the file `path` is what the plan would write to its shard: size, metadata and padding
// are compared, and of the tensors kSampledRanges row ranges spread over the file, encoded again.
// OK when they are equal; AlreadyExists, naming file and byte, when they are not; otherwise errors
// of reading. `options` as for Execute; progress is left out.
absl::Status CheckComplete(const TensorSource& source, const Plan& plan, size_t shard,
                           const std::string& path, const ExecuteOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_RESUME_H_
