// From the bytes of a GGUF file's head to structs: every structural rule of gguf/FORMAT.md.

#ifndef GGUF_TOOLCHAIN_GGUF_PARSER_H_
#define GGUF_TOOLCHAIN_GGUF_PARSER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gguf/io/file.h"
#include "gguf/metadata.h"
#include "gguf/tensor_info.h"

namespace gguf {

struct GgufHead {
  uint32_t version = 3;
  bool is_big_endian = false;
  uint64_t alignment = 32;
  uint64_t data_start = 0;
  Metadata metadata;
  std::vector<TensorInfo> tensors;    // in the order of the file
  std::vector<std::string> warnings;  // legal to read but not right, see GgufFile::warnings
};

// Reads and checks everything before the data section, and that all data lies inside the file
// without overlap. Tensor data itself is not read. Memory stays below 32 times the size of the head
// plus 2 MiB, whatever numbers the file holds. Errors as GgufFile::Open.
absl::StatusOr<GgufHead> ParseHead(const RandomAccessFile& file);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_PARSER_H_
