// The core of set, remove, split and merge: tensors of a model written again under other metadata,
// bit for bit, in bounded memory.

#ifndef GGUF_TOOLCHAIN_GGUF_EDIT_WRITE_PARTS_H_
#define GGUF_TOOLCHAIN_GGUF_EDIT_WRITE_PARTS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "gguf/reader.h"

namespace gguf {

// One file to write: tensors [first_tensor, last_tensor) of the model.
struct ModelPart {
  std::string path;
  Metadata metadata;
  size_t first_tensor;
  size_t last_tensor;
};

struct EditOptions {
  bool replace = false;                          // existing outputs may be replaced
  bool replace_input = false;                    // an output may be one of the model's own files
  bool big_endian = false;                       // write numbers and blocks in that byte order
  const std::atomic<bool>* cancelled = nullptr;  // looked at between chunks; may be null
  // Told of each chunk of tensor data that was written; may be empty.
  std::function<void(uint64_t bytes, absl::string_view tensor)> progress;
};

// Sum of the files' sizes, from metadata and shapes alone. InvalidArgument as ComputeLayout.
absl::StatusOr<uint64_t> SizeOfParts(const GgufModel& model, absl::Span<const ModelPart> parts);

// Writes all parts, version 3, little-endian unless asked otherwise, aligned as each part's
// metadata says. All space is reserved before the first byte is copied, and no file gets its name
// before all are complete. InvalidArgument when an output is also an input; Cancelled; otherwise
// errors of layout, reading and writing. Memory: one buffer of 4 MiB, whatever the tensors' sizes.
absl::Status WriteParts(const GgufModel& model, absl::Span<const ModelPart> parts,
                        const EditOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_EDIT_WRITE_PARTS_H_
