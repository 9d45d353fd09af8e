// A GGUF file or split set as a source of tensors.

#ifndef GGUF_TOOLCHAIN_FORMATS_GGUF_SOURCE_H_
#define GGUF_TOOLCHAIN_FORMATS_GGUF_SOURCE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "gguf/reader.h"

namespace gguf {

// OpenGgufSource (open.h) makes one. Bytes are presented as they are in the file (little-endian).
class GgufSource : public TensorSource {
 public:
  // `is_stream`: the files are read well from front to back only.
  GgufSource(absl::string_view path, GgufModel model, bool is_stream);

  const std::string& name() const override { return path_; }
  const Metadata& metadata() const override { return model_.metadata(); }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  uint32_t shard_of(size_t index) const override { return model_.tensors()[index].shard; }
  uint32_t num_shards() const override { return static_cast<uint32_t>(model_.shards().size()); }
  bool is_stream() const override { return is_stream_; }
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override;
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override;
  std::vector<std::string> input_paths() const override;
  std::vector<std::string> warnings() const override;

 private:
  std::string path_;
  GgufModel model_;
  bool is_stream_;
  std::vector<SourceTensor> tensors_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_GGUF_SOURCE_H_
