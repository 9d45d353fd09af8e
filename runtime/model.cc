#include "runtime/model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {

absl::StatusOr<std::unique_ptr<Model>> Model::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(TensorFile file, TensorFile::Open(path));
  absl::StatusOr<ModelConfig> config = ReadModelConfig(file.metadata());
  if (!config.ok()) {
    return absl::Status(config.status().code(),
                        absl::StrCat(path, ": ", config.status().message()));
  }
  return std::unique_ptr<Model>(new Model(std::move(file), *std::move(config)));
}

}  // namespace gguf
