// Runs a model over a text, chunk by chunk, and sums what its weights see.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_MEASURE_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_MEASURE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "importance/collector.h"
#include "importance/sums.h"
#include "runtime/cuda/device.h"
#include "runtime/model.h"
#include "runtime/ops/activation_type.h"

namespace gguf {

// Fewer tokens at a time would be ignored (kLeastObservedRows) where a chunk is cut.
inline constexpr uint32_t kLeastBatch = 2 * kLeastObservedRows;

struct MeasureOptions {
  uint32_t context = 512;  // tokens of a chunk, at least kLeastObservedRows
  // Tokens worked on at once, at least kLeastBatch. Room for several contexts: as many chunks at
  // the same time, each with threads of its own, as there are threads and memory for. Less than a
  // context: chunks are cut into equal parts.
  uint32_t batch = 2048;
  int threads = 1;
  ActivationType activations = ActivationType::kF32;
  // Runs the last layers, of one chunk at a time; null: all run on the CPU. The rest is
  // DecoderOptions'.
  std::shared_ptr<const Device> device;
  bool may_leave_device = false;
  absl::optional<uint32_t> device_layers;
  Collector::Options collector;
  bool perplexity = true;  // over the second half of each chunk; encoders have none
  uint64_t first_chunk = 0;
  uint64_t max_chunks = ~uint64_t{0};
  int32_t first_token = -1;  // replaces the first token of every chunk (BOS); negative: none
  const std::atomic<bool>* cancelled = nullptr;  // may be null
};

// After a chunk, in the order of the text.
struct MeasuredChunk {
  uint64_t number;      // chunks measured so far, this one included
  uint64_t num_chunks;  // that this run measures
  double perplexity;    // of the chunks so far; 0 when not computed
  double perplexity_stderr;
  const ImportanceSums* sums;  // of the chunks so far
};

// Chunks that a text of `num_tokens` has for these options: consecutive windows of `context`
// tokens, the rest being dropped. InvalidArgument when the text is shorter than two windows, or
// nothing is left after first_chunk.
absl::StatusOr<uint64_t> NumChunks(uint64_t num_tokens, const MeasureOptions& options);

// Each chunk starts with an empty cache. Stops at the first error, also of `after_chunk`. Cancelled
// when `cancelled` became true. InvalidArgument as NumChunks, for a token outside the vocabulary,
// and for sums that are not finite (naming tensor and chunk); else as Decoder. What is summed does
// not depend on threads, nor on how many chunks are worked on at the same time. Memory: per chunk
// at a time a cache of `context` tokens, buffers of at most 512, and the sums.
absl::Status MeasureImportance(
    const Model& model, absl::Span<const int32_t> tokens, const MeasureOptions& options,
    const std::function<absl::Status(const MeasuredChunk&)>& after_chunk);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_MEASURE_H_
