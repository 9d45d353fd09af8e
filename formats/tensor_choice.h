// One tensor of an output: which of a source's it is, what it is called, and its type.

#ifndef GGUF_TOOLCHAIN_FORMATS_TENSOR_CHOICE_H_
#define GGUF_TOOLCHAIN_FORMATS_TENSOR_CHOICE_H_

#include <cstddef>
#include <string>

#include "gguf/tensor_type.h"

namespace gguf {

struct TensorChoice {
  size_t source_index = 0;  // into the source's tensors()
  std::string name;         // in the output
  TensorType type = TensorType::kF32;
  bool is_fallback = false;  // the type asked for did not divide the rows
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TENSOR_CHOICE_H_
