// Reads a written output again and compares it with what it was made from.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_VERIFY_WRITTEN_H_
#define GGUF_TOOLCHAIN_QUANTIZE_VERIFY_WRITTEN_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/tensor_error.h"
#include "formats/tensor_source.h"
#include "quantize/execute.h"
#include "quantize/plan.h"

namespace gguf {

struct VerifyOptions {
  int threads = 1;
  ProgressListener* progress = nullptr;          // may be null
  const std::atomic<bool>* cancelled = nullptr;  // may be null
};

// Compares every tensor of the shards at `paths`, whatever they are called now, with the source's.
// DataLoss when tensors are not those of the plan, a copied one is changed, or a value is not
// finite that should be; Cancelled.
absl::StatusOr<std::vector<TensorError>> VerifyWritten(const TensorSource& source, const Plan& plan,
                                                       absl::Span<const std::string> paths,
                                                       const VerifyOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_VERIFY_WRITTEN_H_
