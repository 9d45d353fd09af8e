// From plans to files: creates the outputs, executes, verifies, and only then gives them their
// names.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_

#include <atomic>
#include <cstdint>
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
};

struct WrittenOutput {
  std::vector<std::string> paths;
  std::vector<TensorError> errors;  // per planned tensor against the source; empty unless verified
};

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
// appears under a final name.
absl::StatusOr<WriteReport> WriteOutputs(const TensorSource& source,
                                         absl::Span<const WriteRequest> requests,
                                         const WriteOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_WRITE_H_
