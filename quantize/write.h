// From plans to files: creates the outputs, executes, verifies, and only then gives them their
// names.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/tensor_error.h"
#include "formats/tensor_source.h"
#include "quantize/execute.h"
#include "quantize/plan.h"

namespace gguf {

// One output: where its plan's shards go (Plan::OutputPaths of `path`).
struct WriteRequest {
  const Plan* plan;
  std::string path;
  bool is_temporary = false;  // for `check` alone: removed in the end, without a final name
};

struct WriteOptions {
  bool replace = false;  // existing outputs may be replaced
  bool verify = false;   // read every tensor again and compare it with the source
  int threads = 1;
  // Resident bytes of the whole process; 0: no limit. What is resident already counts.
  uint64_t memory_limit = 0;
  ProgressListener* progress = nullptr;         // may be null
  ProgressListener* verify_progress = nullptr;  // may be null
  const std::atomic<bool>* cancelled = nullptr;

  // Go on where an interrupted run with `resume` stopped (quantize/journal.h), take outputs that
  // are there and as planned for done, and keep what is finished when this run is interrupted or
  // the disk is full.
  bool resume = false;
  std::string program;  // of this program and version: only its own work is continued
  std::function<void(const std::string&)> note;  // told at once what is continued; may be empty

  // Looks at an output that is complete but not yet under its final name: request `index`, shards
  // at `paths`. Returns a sentence for each thing that is not as wanted; such an output becomes
  // `PATH.rejected`, the others get their names. An error ends the run as any other does. May be
  // empty.
  std::function<absl::StatusOr<std::vector<std::string>>(
      size_t index, absl::Span<const std::string> paths, absl::Span<const TensorError> errors)>
      check;
};

struct WrittenOutput {
  std::vector<std::string> paths;   // final ones
  std::vector<TensorError> errors;  // per planned tensor against the source; empty unless verified
  bool was_complete = false;        // before this run
  std::vector<std::string> misses;  // of `check`; not empty: the files are `PATH.rejected`
};

inline constexpr char kRejectedSuffix[] = ".rejected";  // OutputFile::Reject

struct WriteReport {
  std::vector<WrittenOutput> outputs;
  std::vector<std::string> warnings;
};

// Everything CheckOutputs and WriteOutputs can refuse before work begins: an output that is an
// input, two outputs with one name, an existing output without `replace`.
absl::Status CheckOutputs(const TensorSource& source, absl::Span<const WriteRequest> requests,
                          bool replace);

// Writes all outputs, reading the source once. On any failure (errors of Execute, a full disk, an
// interruption, a verification that finds a copied tensor changed or a non-finite value) nothing
// appears under a final name. With `resume` partial files and journals stay then, unless the source
// is at fault; the files of a resumed run are those of an uninterrupted one, byte for byte.
absl::StatusOr<WriteReport> WriteOutputs(const TensorSource& source,
                                         absl::Span<const WriteRequest> requests,
                                         const WriteOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_
