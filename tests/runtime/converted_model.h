// Checkpoints of testdata/ as GGUF files, for tests that run them.

#ifndef GGUF_TOOLCHAIN_TESTS_RUNTIME_CONVERTED_MODEL_H_
#define GGUF_TOOLCHAIN_TESTS_RUNTIME_CONVERTED_MODEL_H_

#include <string>

#include "gguf/tensor_type.h"

namespace gguf {

// Converts the checkpoint in `folder` to `type` and returns the path of <name>-<type>.gguf in the
// test's temporary folder. A failure fails the test that calls.
std::string ConvertedModel(const std::string& name, const std::string& folder, TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TESTS_RUNTIME_CONVERTED_MODEL_H_
