// A GGUF model for running: its files mapped into memory, its tensors as views, its hyperparameters
// checked.

#ifndef GGUF_TOOLCHAIN_RUNTIME_MODEL_H_
#define GGUF_TOOLCHAIN_RUNTIME_MODEL_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/config.h"
#include "runtime/tensor_file.h"

namespace gguf {

// Immutable, thread-safe.
class Model : public TensorFile {
 public:
  // Opens and maps `path` (any shard of a split set). No weight is read. One sentence on failure:
  // of TensorFile::Open, or of a key (see ReadModelConfig).
  static absl::StatusOr<std::unique_ptr<Model>> Open(absl::string_view path);

  const ModelConfig& config() const { return config_; }

 private:
  Model(TensorFile file, ModelConfig config)
      : TensorFile(std::move(file)), config_(std::move(config)) {}

  ModelConfig config_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_MODEL_H_
