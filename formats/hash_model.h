// SHA-256 of a model's files and of each tensor's data.

#ifndef GGUF_TOOLCHAIN_FORMATS_HASH_MODEL_H_
#define GGUF_TOOLCHAIN_FORMATS_HASH_MODEL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/reader.h"

namespace gguf {

struct ModelHashes {
  std::vector<std::string> files;    // of model.shards(), decompressed
  std::vector<std::string> tensors;  // of model.tensors(): data without padding, little-endian
};

struct HashOptions {
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;  // looked at between chunks; may be null
  // Told, from many threads, of each chunk that was hashed, with the name of its file or tensor;
  // files and tensors both count. May be empty.
  std::function<void(uint64_t bytes, absl::string_view name)> progress;
};

// Hexadecimal digests of the files at `paths`, as they lie on disk, in parallel. Otherwise as
// below.
absl::StatusOr<std::vector<std::string>> HashPaths(absl::Span<const std::string> paths,
                                                   const HashOptions& options);

// Hexadecimal digests. Memory: 1 MiB per thread. Errors of reading; Cancelled.
absl::StatusOr<ModelHashes> HashModel(const GgufModel& model, const HashOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_HASH_MODEL_H_
