// Where everything lies in a GGUF file that does not exist yet: computed from metadata and tensor
// shapes alone, so that sizes are known and rows can be written in any order.

#ifndef GGUF_TOOLCHAIN_GGUF_LAYOUT_H_
#define GGUF_TOOLCHAIN_GGUF_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct TensorSpec {
  std::string name;
  TensorType type;
  Shape shape;
};

struct Layout {
  // Header, metadata, tensor infos and the padding up to the data section: the first bytes of the
  // file, ready to write at offset 0 (version 3, little-endian).
  std::string head;

  // Per tensor, in the order given: absolute file offset and size of its data. The zero padding
  // after each tensor (and after the last) belongs to the file size.
  std::vector<uint64_t> offsets;
  std::vector<uint64_t> sizes;

  uint64_t file_size = 0;
};

// Lays out a file: tensors in the given order without holes, aligned to `general.alignment` of
// `metadata` (32 when absent). InvalidArgument, naming key or tensor: a name that is empty, too
// long (63 bytes) or doubled, more than 4 dimensions, blocks that do not divide a row, a bad
// alignment, sizes beyond 2^63 - 1.
absl::StatusOr<Layout> ComputeLayout(const Metadata& metadata,
                                     absl::Span<const TensorSpec> tensors);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_LAYOUT_H_
