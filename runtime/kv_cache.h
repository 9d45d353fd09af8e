// Keys and values of the tokens a decoder has seen, in any of nine tensor types.
//
// Layers with full attention have a cell per token of the context; sliding layers keep as many as
// their window and one batch need, and forget what no query can see any more. Both counts are
// rounded up to 256 (llama.cpp's rule, so that sizes compare).

#ifndef GGUF_TOOLCHAIN_RUNTIME_KV_CACHE_H_
#define GGUF_TOOLCHAIN_RUNTIME_KV_CACHE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/config.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/scratch.h"

namespace gguf {

struct CacheOptions {
  uint32_t context = 0;    // tokens of all sequences together, at least 1
  uint32_t batch = 512;    // most tokens reserved at once
  uint32_t sequences = 1;  // most sequences that windows are kept of
  TensorType key_type = TensorType::kF32;
  TensorType value_type = TensorType::kF32;
};

// F32, F16, BF16, Q8_0, Q5_1, Q5_0, Q4_1, Q4_0, IQ4_NL: small blocks that are cheap to write.
absl::Span<const TensorType> CacheTypes();

// Case-insensitive. InvalidArgument with the known names.
absl::StatusOr<TensorType> ParseCacheType(absl::string_view name);

// Cells of a layer with this window (0: full attention).
uint64_t CacheCells(uint32_t window, const CacheOptions& options);

// Bytes of the whole cache: per layer, cells times the bytes of a row of keys and of one of values.
uint64_t CacheBytes(const ModelConfig& config, const CacheOptions& options);

// Whose cache is to hold a model. Other programs lack kernels that this runtime has, and their
// users are better told before a download than by a crash (figures as of August 2026).
enum class CacheTarget {
  kThisRuntime,
  kLlamaCpp,
  kOllama,               // f16, q8_0, q4_0; keys and values alike; flash attention needed
  kOllamaBeforeOct2025,  // likewise, and nothing but f16 where attention has sinks (gpt-oss)
};

// InvalidArgument when a type is none that the target stores, or its blocks do not divide a head
// (naming type, block and head size); FailedPrecondition when the target has no kernel for this
// family's attention with it. Each says the reason and what to use instead.
absl::Status CheckCacheTypes(const ModelConfig& config, const CacheOptions& options,
                             CacheTarget target = CacheTarget::kThisRuntime);

// Not thread-safe. Keys and values are stored per layer; cells are taken for all layers at once.
class KvCache {
 public:
  // Allocates CacheBytes().
  static absl::StatusOr<KvCache> Create(const ModelConfig& config, const CacheOptions& options);

  // Takes cells for `count` more tokens of `sequence`, whose positions follow the last one stored.
  // ResourceExhausted ("no slot") lists what the cache holds; nothing is taken then.
  absl::Status Reserve(int32_t sequence, uint32_t count);

  // Positions of the tokens of the last Reserve.
  absl::Span<const int32_t> positions() const { return positions_; }

  // Stores row `index` (of the last Reserve) of a layer: all kv heads, keys already turned.
  void Store(uint32_t layer, size_t index, const float* keys, const float* values);

  // What the tokens of the last Reserve may see in a layer: fills keys, values, cells and
  // positions.
  void View(uint32_t layer, AttentionInput* input) const;

  // Tokens of `sequence`: its next position.
  int32_t Length(int32_t sequence) const;

  // Forgets positions from `length` on. FailedPrecondition when a sliding layer no longer has the
  // window before `length`: the sequence must then be removed (length 0) and decoded again.
  absl::Status Truncate(int32_t sequence, int32_t length);

  // Cells used and free, and per sequence positions and count.
  std::string Describe() const;

  uint64_t num_bytes() const { return num_bytes_; }

 private:
  // The cells shared by all layers of one window.
  struct Pool {
    uint32_t window = 0;
    std::vector<int32_t> sequence;  // per cell; -1: free
    std::vector<int32_t> position;
    std::vector<uint32_t> reserved;  // cells of the last Reserve
    std::vector<uint32_t> visible;   // to the last Reserve's tokens, in order of position
    std::vector<int32_t> visible_positions;
  };
  struct Layer {
    uint32_t pool;
    size_t key_offset, value_offset;  // bytes into data_
  };

  KvCache() = default;
  std::vector<uint32_t> FindFree(const Pool& pool, uint32_t count) const;
  void UpdateVisible(int32_t sequence, Pool* pool);

  CacheOptions options_;
  size_t key_width_ = 0, value_width_ = 0;  // values of a row
  size_t key_row_bytes_ = 0, value_row_bytes_ = 0;
  size_t key_head_bytes_ = 0, value_head_bytes_ = 0;
  void (*encode_key_)(const float*, size_t, size_t, const float*, uint8_t*) = nullptr;
  void (*encode_value_)(const float*, size_t, size_t, const float*, uint8_t*) = nullptr;
  std::vector<Pool> pools_;
  std::vector<Layer> layers_;
  std::vector<int32_t> positions_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> data_;
  uint64_t num_bytes_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_KV_CACHE_H_
