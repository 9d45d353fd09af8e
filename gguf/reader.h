// Reading GGUF: one file, or a set of shards opened through any of them.

#ifndef GGUF_TOOLCHAIN_GGUF_READER_H_
#define GGUF_TOOLCHAIN_GGUF_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "gguf/metadata.h"
#include "gguf/parser.h"
#include "gguf/tensor_info.h"

namespace gguf {

// One GGUF file (versions 2 and 3, either byte order), parsed and bounds-checked when opened:
// every rule of gguf/FORMAT.md that concerns structure holds for an object of this class.
// Thread-safe. Memory: proportional to the header, never to a number the file merely claims.
class GgufFile {
 public:
  // InvalidArgument / DataLoss: one sentence with file, key or tensor, offset, found and expected.
  static absl::StatusOr<GgufFile> Open(std::unique_ptr<RandomAccessFile> file);
  static absl::StatusOr<GgufFile> Open(absl::string_view path);

  const std::string& name() const { return file_->name(); }
  uint64_t file_size() const { return file_->size(); }
  uint32_t version() const { return head_.version; }
  bool is_big_endian() const { return head_.is_big_endian; }
  uint64_t alignment() const { return head_.alignment; }
  uint64_t data_start() const { return head_.data_start; }
  const Metadata& metadata() const { return head_.metadata; }
  const std::vector<TensorInfo>& tensors() const { return head_.tensors; }

  // What is legal to read but not right: missing final padding, alignment 1, zero dimensions,
  // booleans other than 0 and 1, strings that are not UTF-8, no general.architecture, holes.
  // One sentence each; `gguf inspect` prints them, `gguf verify` fails on them.
  const std::vector<std::string>& warnings() const { return head_.warnings; }

  // Reads `out.size()` bytes of a tensor's data from `offset` (relative to its start), converted to
  // little-endian. In a big-endian file `offset` and size must be whole blocks.
  absl::Status ReadTensorBytes(const TensorInfo& tensor, uint64_t offset,
                               absl::Span<uint8_t> out) const;

  // Reads bytes of the file as they are.
  absl::Status ReadFileBytes(uint64_t offset, absl::Span<uint8_t> out) const {
    return file_->Read(offset, out);
  }

 private:
  GgufFile(std::unique_ptr<RandomAccessFile> file, GgufHead head)
      : file_(std::move(file)), head_(std::move(head)) {}

  std::unique_ptr<RandomAccessFile> file_;
  GgufHead head_;
};

// A model in one file or in shards `<prefix>-00001-of-00003.gguf`, as one.
class GgufModel {
 public:
  // Opens `path`; when it is a shard (split.count > 1), all its siblings, whichever was named.
  // Errors name the missing or inconsistent shard (count, number, doubled tensor, total).
  static absl::StatusOr<GgufModel> Open(absl::string_view path);

  // One file as it is, a shard without its siblings too.
  static absl::StatusOr<GgufModel> FromFile(GgufFile file);

  const std::vector<GgufFile>& shards() const { return shards_; }

  // Of the first shard; the split.* keys are left in place.
  const Metadata& metadata() const { return shards_[0].metadata(); }

  // Of all shards, in shard order, then file order.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }

  // Index into tensors(), or -1.
  int64_t FindTensor(absl::string_view name) const;

  absl::Status ReadTensorBytes(const TensorInfo& tensor, uint64_t offset,
                               absl::Span<uint8_t> out) const {
    return shards_[tensor.shard].ReadTensorBytes(tensor, offset, out);
  }

 private:
  absl::Status IndexTensors();

  std::vector<GgufFile> shards_;
  std::vector<TensorInfo> tensors_;
  absl::flat_hash_map<std::string, size_t> index_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_READER_H_
