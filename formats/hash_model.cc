#include "formats/hash_model.h"

#include <algorithm>
#include <memory>

#include "absl/functional/function_ref.h"
#include "formats/sha256.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

constexpr uint64_t kChunkBytes = 1024 * 1024;

using ReadFunction = absl::FunctionRef<absl::Status(uint64_t offset, absl::Span<uint8_t> out)>;

absl::StatusOr<std::string> HashBytes(uint64_t num_bytes, uint64_t chunk_bytes,
                                      absl::string_view name, const HashOptions& options,
                                      std::vector<uint8_t>* buffer, ReadFunction read) {
  Sha256 hash;
  for (uint64_t offset = 0; offset < num_bytes; offset += buffer->size()) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    buffer->resize(std::min(chunk_bytes, num_bytes - offset));
    GGUF_RETURN_IF_ERROR(read(offset, absl::MakeSpan(*buffer)));
    hash.Update(*buffer);
    if (options.progress) options.progress(buffer->size(), name);
  }
  return hash.HexDigest();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> HashPaths(absl::Span<const std::string> paths,
                                                   const HashOptions& options) {
  const int threads = std::max(1, options.threads);
  std::vector<std::string> digests(paths.size());
  std::vector<std::vector<uint8_t>> buffers(threads);
  GGUF_RETURN_IF_ERROR(
      ParallelFor(paths.size(), threads, [&](uint64_t i, int thread) -> absl::Status {
        GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(paths[i]));
        GGUF_ASSIGN_OR_RETURN(
            digests[i], HashBytes(file->size(), kChunkBytes, paths[i], options, &buffers[thread],
                                  [&](uint64_t offset, absl::Span<uint8_t> out) {
                                    return file->Read(offset, out);
                                  }));
        return absl::OkStatus();
      }));
  return digests;
}

absl::StatusOr<ModelHashes> HashModel(const GgufModel& model, const HashOptions& options) {
  ModelHashes hashes;
  hashes.files.resize(model.shards().size());
  hashes.tensors.resize(model.tensors().size());
  const int threads = std::max(1, options.threads);
  std::vector<std::vector<uint8_t>> buffers(threads);
  // Files first: each takes longer than any of its tensors.
  GGUF_RETURN_IF_ERROR(ParallelFor(
      hashes.files.size() + hashes.tensors.size(), threads,
      [&](uint64_t i, int thread) -> absl::Status {
        if (i < hashes.files.size()) {
          const GgufFile& file = model.shards()[i];
          GGUF_ASSIGN_OR_RETURN(
              hashes.files[i],
              HashBytes(file.file_size(), kChunkBytes, file.name(), options, &buffers[thread],
                        [&](uint64_t offset, absl::Span<uint8_t> out) {
                          return file.ReadFileBytes(offset, out);
                        }));
          return absl::OkStatus();
        }
        const size_t index = i - hashes.files.size();
        const TensorInfo& tensor = model.tensors()[index];
        const uint64_t block_bytes = InfoOf(tensor.type).block_bytes;
        GGUF_ASSIGN_OR_RETURN(
            hashes.tensors[index],
            HashBytes(tensor.num_bytes, kChunkBytes / block_bytes * block_bytes, tensor.name,
                      options, &buffers[thread], [&](uint64_t offset, absl::Span<uint8_t> out) {
                        return model.ReadTensorBytes(tensor, offset, out);
                      }));
        return absl::OkStatus();
      }));
  return hashes;
}

}  // namespace gguf
