#include "formats/verify_values.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "formats/codec/codec.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

constexpr uint64_t kChunkBytes = 1024 * 1024;

// Consecutive blocks of one tensor.
struct Chunk {
  size_t tensor;
  uint64_t first_block;
  uint64_t num_blocks;
};

struct ChunkFaults {
  uint64_t first_bad = 0;  // counted from the start of the tensor
  uint64_t num_bad = 0;
};

std::vector<Chunk> ChunksOf(const GgufModel& model) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < model.tensors().size(); ++i) {
    const uint64_t block_bytes = InfoOf(model.tensors()[i].type).block_bytes;
    const uint64_t num_blocks = model.tensors()[i].num_bytes / block_bytes;
    const uint64_t step = kChunkBytes / block_bytes;
    for (uint64_t block = 0; block < num_blocks; block += step) {
      chunks.push_back({i, block, std::min(step, num_blocks - block)});
    }
  }
  return chunks;
}

ChunkFaults CheckBlocks(const Chunk& chunk, TensorType type, const std::vector<uint8_t>& bytes) {
  const Codec& codec = CodecOf(type);
  const uint64_t block_bytes = InfoOf(type).block_bytes;
  ChunkFaults faults;
  for (uint64_t block = 0; block < chunk.num_blocks; ++block) {
    block += codec.find_bad_block(bytes.data() + block * block_bytes, chunk.num_blocks - block);
    if (block >= chunk.num_blocks) break;
    if (faults.num_bad++ == 0) faults.first_bad = chunk.first_block + block;
  }
  return faults;
}

}  // namespace

std::string ValueFault::ToString() const {
  const TensorTypeInfo& info = InfoOf(type);
  return absl::StrCat(
      "tensor '", EscapeText(tensor), "': ", info.block_values == 1 ? "value " : "block ", block,
      " of row ", row, " (", info.name, ") ",
      info.block_values == 1 ? "is NaN or infinite" : "has a scale that is NaN or infinite",
      num_blocks > 1 ? absl::StrCat(", as have ", num_blocks - 1, " more") : "",
      ", expected finite values");
}

absl::StatusOr<std::vector<ValueFault>> FindBadValues(const GgufModel& model,
                                                      const VerifyValuesOptions& options) {
  const std::vector<Chunk> chunks = ChunksOf(model);
  std::vector<ChunkFaults> found(chunks.size());
  std::vector<std::vector<uint8_t>> buffers(std::max(1, options.threads));
  GGUF_RETURN_IF_ERROR(ParallelFor(
      chunks.size(), static_cast<int>(buffers.size()), [&](uint64_t i, int thread) -> absl::Status {
        if (options.cancelled != nullptr && options.cancelled->load()) {
          return absl::CancelledError("interrupted");
        }
        const Chunk& chunk = chunks[i];
        const TensorInfo& tensor = model.tensors()[chunk.tensor];
        const uint64_t block_bytes = InfoOf(tensor.type).block_bytes;
        std::vector<uint8_t>& buffer = buffers[thread];
        buffer.resize(chunk.num_blocks * block_bytes);
        GGUF_RETURN_IF_ERROR(
            model.ReadTensorBytes(tensor, chunk.first_block * block_bytes, absl::MakeSpan(buffer)));
        found[i] = CheckBlocks(chunk, tensor.type, buffer);
        if (options.progress) options.progress(buffer.size(), tensor.name);
        return absl::OkStatus();
      }));

  std::vector<ValueFault> faults;
  size_t last_tensor = model.tensors().size();
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (found[i].num_bad == 0) continue;
    if (chunks[i].tensor == last_tensor) {
      faults.back().num_blocks += found[i].num_bad;
      continue;
    }
    last_tensor = chunks[i].tensor;
    const TensorInfo& tensor = model.tensors()[last_tensor];
    const uint64_t blocks_per_row = tensor.shape.columns() / InfoOf(tensor.type).block_values;
    faults.push_back({tensor.name, tensor.type, found[i].first_bad / blocks_per_row,
                      found[i].first_bad % blocks_per_row, found[i].num_bad});
  }
  return faults;
}

}  // namespace gguf
