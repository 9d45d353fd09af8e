// Executes plans: read rows, decode, encode, write by position. The source is read once however
// many outputs there are; memory is a few row chunks per thread.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_EXECUTE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_EXECUTE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "gguf/io/file.h"
#include "quantize/plan.h"

namespace gguf {

// What is known to be in a file already. Called from many threads at once.
class RangeLog {
 public:
  virtual ~RangeLog() = default;
  // The note that came with these bytes when they were written; absent: they are to be written.
  virtual absl::optional<uint64_t> Find(uint64_t offset, uint64_t size) const = 0;
  // `bytes` are at `offset` now. `note`: how many of their values overflowed.
  virtual void Written(uint64_t offset, absl::Span<const uint8_t> bytes, uint64_t note) = 0;
};

// One sink: a plan over the source and its files, one per shard of the plan. None is owned.
struct PlanOutput {
  const Plan* plan;
  std::vector<WritableFile*> shards;  // null: nothing is to be written there
  std::vector<RangeLog*> logs = {};   // one per shard, or none at all
};

// Told of progress from many threads at once.
class ProgressListener {
 public:
  virtual ~ProgressListener() = default;
  // `bytes` more bytes of the source's `tensor` are done.
  virtual void Advance(uint64_t bytes, absl::string_view tensor) = 0;
  // `bytes` of the source need not be worked on.
  virtual void Skip(uint64_t /*bytes*/) {}
};

struct ExecuteOptions {
  int threads = 1;
  uint64_t memory_limit = 0;             // bytes for row chunks; 0: none. At least one thread runs.
  ProgressListener* progress = nullptr;  // may be null
  const std::atomic<bool>* cancelled = nullptr;  // looked at between row ranges; may be null
  std::function<absl::Status()> after_range;     // from many threads; ends the work; may be empty
};

// Fills all files of all outputs, which need not hold the same tensors, but for what their logs
// know to be there. Rows that no output lacks are not read. Returns warnings (values that
// overflowed to infinity in F16). InvalidArgument names tensor, row and column of a NaN or Inf, or
// of a scale that overflows; Cancelled when `cancelled` became true. The bytes written depend only
// on source and plans.
absl::StatusOr<std::vector<std::string>> Execute(const TensorSource& source,
                                                 absl::Span<const PlanOutput> outputs,
                                                 const ExecuteOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_EXECUTE_H_
