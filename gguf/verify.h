// Structural faults of a model that can be read: what readers forgive and writers must not do.

#ifndef GGUF_TOOLCHAIN_GGUF_VERIFY_H_
#define GGUF_TOOLCHAIN_GGUF_VERIFY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gguf/reader.h"

namespace gguf {

// One sentence per fault, with the file it is in; empty for a model without faults. In the order of
// the shards: everything GgufFile::warnings() holds, padding bytes that are not zero; then, of the
// whole model, a missing general.quantization_version beside quantized tensors.
// An error only when a file cannot be read. Values are checked by formats/verify_values.h.
absl::StatusOr<std::vector<std::string>> FindStructuralFaults(const GgufModel& model);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_VERIFY_H_
