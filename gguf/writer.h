// Writing GGUF: the layout first, then tensor bytes in any order.

#ifndef GGUF_TOOLCHAIN_GGUF_WRITER_H_
#define GGUF_TOOLCHAIN_GGUF_WRITER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "gguf/layout.h"

namespace gguf {

// Writes a laid-out GGUF into a file. Thread-safe for disjoint ranges of tensors.
class GgufWriter {
 public:
  // Both must outlive the writer. Writes the head and every padding byte at once (a reused partial
  // file may hold other bytes than zeros).
  static absl::StatusOr<GgufWriter> Create(const Layout* layout, WritableFile* file);

  // Writes bytes of tensor `index` from `offset` (relative to the tensor's start).
  // OutOfRange when they do not lie inside the tensor.
  absl::Status WriteTensorBytes(size_t index, uint64_t offset,
                                absl::Span<const uint8_t> bytes) const;

 private:
  GgufWriter(const Layout* layout, WritableFile* file) : layout_(layout), file_(file) {}
  const Layout* layout_;
  WritableFile* file_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_WRITER_H_
