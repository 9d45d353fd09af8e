// Several sources as one: their tensors one after another.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_JOINED_SOURCE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_JOINED_SOURCE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"

namespace gguf {

// Metadata and shards are the first source's. None is owned. Names must be distinct over all of
// them, as those of a language model and a vision tower are.
class JoinedSource : public TensorSource {
 public:
  explicit JoinedSource(std::vector<const TensorSource*> sources);

  // Index in tensors() of the first tensor of source `number`.
  size_t first_of(size_t number) const { return first_[number]; }

  const std::string& name() const override { return sources_[0]->name(); }
  const Metadata& metadata() const override { return sources_[0]->metadata(); }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  uint32_t shard_of(size_t index) const override;
  uint32_t num_shards() const override { return sources_[0]->num_shards(); }
  bool is_stream() const override;
  uint64_t StreamPosition(size_t index, uint64_t first_row) const override;
  std::string reading_note() const override { return sources_[0]->reading_note(); }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override;
  std::vector<std::string> input_paths() const override;
  std::vector<std::string> warnings() const override;

 private:
  size_t NumberOf(size_t index) const;

  std::vector<const TensorSource*> sources_;
  std::vector<size_t> first_;
  std::vector<SourceTensor> tensors_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_JOINED_SOURCE_H_
