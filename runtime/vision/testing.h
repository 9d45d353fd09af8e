// The tiny Gemma 3 checkpoint of testdata/hf as files with a vision tower, and what the training
// library computes of it, for tests.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_TESTING_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_TESTING_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gguf/layout.h"
#include "gguf/metadata.h"
#include "runtime/vision/vision_config.h"

namespace gguf {

// A GGUF with its tensors' bytes, to be changed before it is written.
struct VisionFile {
  Metadata metadata;
  std::vector<TensorSpec> tensors;
  std::vector<std::string> data;

  // Null when absent.
  TensorSpec* Find(absl::string_view name);
  void Remove(absl::string_view name);
  void Rename(absl::string_view from, absl::string_view to);
  // Under the test's temporary folder; the path.
  std::string Write(absl::string_view name) const;
};

// The checkpoint's tower in F32, in either layout.
VisionFile TinyTower(VisionLayout layout);

// The bytes of a tensor of golden.safetensors beside it.
std::string GoldenBytes(absl::string_view name);

template <typename T>
std::vector<T> Golden(absl::string_view name) {
  const std::string bytes = GoldenBytes(name);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_TESTING_H_
