// The tensors of a GGUF file, or of a set of shards, mapped into memory.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TENSOR_FILE_H_
#define GGUF_TOOLCHAIN_RUNTIME_TENSOR_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "gguf/reader.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"
#include "runtime/mapped_file.h"

namespace gguf {

// A tensor's place in memory; valid as long as its file.
struct TensorView {
  std::string name;
  TensorType type;
  Shape shape;                     // outermost first
  absl::Span<const uint8_t> data;  // little-endian, any alignment
};

// Immutable, thread-safe; movable, which leaves the views valid.
class TensorFile {
 public:
  // Opens and maps `path` (any shard of a split set). No weight is read. One sentence on failure:
  // of the reader, or for a big-endian file how to turn it.
  static absl::StatusOr<TensorFile> Open(absl::string_view path);

  const std::string& path() const { return path_; }
  const Metadata& metadata() const { return file_.metadata(); }
  const std::vector<TensorView>& tensors() const { return tensors_; }

  // Null when absent.
  const TensorView* Find(absl::string_view name) const;

  // Bytes of all tensors.
  uint64_t weight_bytes() const { return weight_bytes_; }

 private:
  TensorFile(absl::string_view path, GgufModel file) : path_(path), file_(std::move(file)) {}
  absl::Status MapTensors();

  std::string path_;
  GgufModel file_;
  std::vector<MappedFile> maps_;  // one per shard
  std::vector<TensorView> tensors_;
  uint64_t weight_bytes_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TENSOR_FILE_H_
