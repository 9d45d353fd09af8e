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
#include "absl/types/span.h"
#include "runtime/cache_types.h"
#include "runtime/config.h"
#include "runtime/ops/attention.h"
#include "runtime/ops/scratch.h"

namespace gguf {

// Encodes rows of values into a type of CacheTypes(), as EncodeRows of quantize/encode/encoder.h.
using CacheEncodeRows = void (*)(const float* rows, size_t num_rows, size_t columns,
                                 const float* weights, uint8_t* out);
CacheEncodeRows CacheEncoderOf(TensorType type);

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

  // Where the tokens of the last Reserve are in a layer, for those who keep its rows themselves:
  // `reserved` in their order, `visible` what they may see, in order of position.
  struct Cells {
    absl::Span<const uint32_t> reserved;
    absl::Span<const uint32_t> visible;
    absl::Span<const int32_t> visible_positions;
  };
  Cells CellsOf(uint32_t layer) const;

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
  CacheEncodeRows encode_key_ = nullptr;
  CacheEncodeRows encode_value_ = nullptr;
  std::vector<Pool> pools_;
  std::vector<Layer> layers_;
  std::vector<int32_t> positions_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> data_;
  uint64_t num_bytes_ = 0;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_KV_CACHE_H_
