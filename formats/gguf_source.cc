#include "formats/gguf_source.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "formats/row_request.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/zstd_file.h"

namespace gguf {

GgufSource::GgufSource(absl::string_view path, GgufModel model, bool is_stream)
    : path_(path), model_(std::move(model)), is_stream_(is_stream) {
  tensors_.reserve(model_.tensors().size());
  for (const TensorInfo& tensor : model_.tensors()) {
    tensors_.push_back({tensor.name, tensor.shape, tensor.type});
  }
}

uint64_t GgufSource::StreamPosition(size_t index, uint64_t first_row) const {
  const TensorInfo& tensor = model_.tensors()[index];
  const uint64_t row_bytes = RowBytes(tensor.type, tensor.shape.columns()).value_or(0);
  uint64_t before = 0;
  for (uint32_t shard = 0; shard < tensor.shard; ++shard) {
    before += model_.shards()[shard].file_size();
  }
  return before + tensor.offset + first_row * row_bytes;
}

absl::Status GgufSource::ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                  absl::Span<uint8_t> out) const {
  GGUF_ASSIGN_OR_RETURN(const uint64_t offset,
                        CheckRowRequest(path_, tensors_, index, first_row, num_rows, out.size()));
  return model_.ReadTensorBytes(model_.tensors()[index], offset, out);
}

std::vector<std::string> GgufSource::input_paths() const {
  std::vector<std::string> paths;
  for (const GgufFile& shard : model_.shards()) paths.push_back(shard.name());
  return paths;
}

std::vector<std::string> GgufSource::warnings() const {
  std::vector<std::string> warnings;
  for (const GgufFile& shard : model_.shards()) {
    warnings.insert(warnings.end(), shard.warnings().begin(), shard.warnings().end());
  }
  return warnings;
}

absl::StatusOr<std::unique_ptr<TensorSource>> OpenGgufSource(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(GgufModel model, GgufModel::Open(path));
  bool is_stream = false;
  for (const GgufFile& shard : model.shards()) {
    if (!IsZstdFile(shard.name())) continue;
    GGUF_ASSIGN_OR_RETURN(const auto file, OpenDecompressed(shard.name()));
    is_stream |= file->stream_offset().has_value();
  }
  return std::make_unique<GgufSource>(path, std::move(model), is_stream);
}

}  // namespace gguf
