// What a GGUF file says of one tensor.

#ifndef GGUF_TOOLCHAIN_GGUF_TENSOR_INFO_H_
#define GGUF_TOOLCHAIN_GGUF_TENSOR_INFO_H_

#include <cstdint>
#include <string>

#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct TensorInfo {
  std::string name;
  TensorType type;
  Shape shape;          // outermost first
  uint64_t offset = 0;  // of the data, from the start of its file
  uint64_t num_bytes = 0;
  uint32_t shard = 0;  // 0-based; 0 in a single file
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_TENSOR_INFO_H_
