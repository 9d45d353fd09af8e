// A source of tensors in memory, for tests.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_MEMORY_SOURCE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_MEMORY_SOURCE_H_

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"

namespace gguf {

class MemorySource : public TensorSource {
 public:
  // Adds an F32 tensor; `values` has shape.num_values() elements.
  void Add(std::string name, Shape shape, std::vector<float> values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    AddBytes(std::move(name), std::move(shape), TensorType::kF32, std::move(bytes));
  }
  void AddBytes(std::string name, Shape shape, TensorType type, std::vector<uint8_t> bytes) {
    tensors_.push_back({std::move(name), std::move(shape), type});
    data_.push_back(std::move(bytes));
  }
  void set_shard_of(std::vector<uint32_t> shard_of) { shard_of_ = std::move(shard_of); }
  void set_input_paths(std::vector<std::string> paths) { paths_ = std::move(paths); }
  Metadata* mutable_metadata() { return &metadata_; }
  const std::vector<uint8_t>& bytes(size_t index) const { return data_[index]; }

  const std::string& name() const override { return name_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  uint32_t shard_of(size_t index) const override {
    return shard_of_.empty() ? 0 : shard_of_[index];
  }
  uint32_t num_shards() const override { return shard_of_.empty() ? 1 : shard_of_.back() + 1; }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    const uint64_t row_bytes = data_[index].size() / tensors_[index].shape.rows();
    if (out.size() != num_rows * row_bytes ||
        (first_row + num_rows) * row_bytes > data_[index].size()) {
      return absl::OutOfRangeError("rows outside the tensor");
    }
    std::memcpy(out.data(), data_[index].data() + first_row * row_bytes, out.size());
    return absl::OkStatus();
  }
  std::vector<std::string> input_paths() const override { return paths_; }

 private:
  std::string name_ = "memory";
  Metadata metadata_;
  std::vector<SourceTensor> tensors_;
  std::vector<std::vector<uint8_t>> data_;
  std::vector<uint32_t> shard_of_;
  std::vector<std::string> paths_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_MEMORY_SOURCE_H_
