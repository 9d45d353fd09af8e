#include "runtime/kv_cache.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "quantize/encode/f16.h"
#include "quantize/encode/iq4_nl.h"
#include "quantize/encode/q4_0.h"
#include "quantize/encode/q4_1.h"
#include "quantize/encode/q5_0.h"
#include "quantize/encode/q5_1.h"
#include "quantize/encode/q8_0.h"

namespace gguf {
namespace {

struct Encoder {
  TensorType type;
  CacheEncodeRows encode;
};
constexpr Encoder kEncoders[] = {
    {TensorType::kF32, EncodeF32},       {TensorType::kF16, EncodeF16},
    {TensorType::kBF16, EncodeBF16},     {TensorType::kQ8_0, EncodeQ8_0},
    {TensorType::kQ5_1, EncodeQ5_1},     {TensorType::kQ5_0, EncodeQ5_0},
    {TensorType::kQ4_1, EncodeQ4_1},     {TensorType::kQ4_0, EncodeQ4_0},
    {TensorType::kIQ4_NL, EncodeIQ4_NL},
};

}  // namespace

CacheEncodeRows CacheEncoderOf(TensorType type) {
  return std::find_if(std::begin(kEncoders), std::end(kEncoders),
                      [type](const Encoder& row) { return row.type == type; })
      ->encode;
}

absl::StatusOr<KvCache> KvCache::Create(const ModelConfig& config, const CacheOptions& options) {
  GGUF_RETURN_IF_ERROR(CheckCacheTypes(config, options));
  KvCache cache;
  cache.options_ = options;
  cache.key_width_ = config.key_width();
  cache.value_width_ = config.value_width();
  cache.key_row_bytes_ = CacheRowBytes(options.key_type, config.key_width());
  cache.value_row_bytes_ = CacheRowBytes(options.value_type, config.value_width());
  cache.key_head_bytes_ = CacheRowBytes(options.key_type, config.key_length);
  cache.value_head_bytes_ = CacheRowBytes(options.value_type, config.value_length);
  cache.encode_key_ = CacheEncoderOf(options.key_type);
  cache.encode_value_ = CacheEncoderOf(options.value_type);
  cache.num_bytes_ = CacheBytes(config, options);
  cache.data_ = hwy::AllocateAligned<uint8_t>(std::max<uint64_t>(1, cache.num_bytes_));
  if (cache.data_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot allocate a key-value cache of ", FormatSize(cache.num_bytes_), " for ",
                     options.context, " tokens; use a smaller context or cache type"));
  }
  std::map<uint32_t, uint32_t> pool_of;  // by window
  size_t offset = 0;
  for (const uint32_t window : config.windows) {
    const uint64_t cells = CacheCells(window, options);
    const auto [found, is_new] = pool_of.emplace(window, cache.pools_.size());
    if (is_new) {
      Pool& pool = cache.pools_.emplace_back();
      pool.window = window;
      pool.sequence.assign(cells, -1);
      pool.position.assign(cells, -1);
    }
    if (cache.layers_.size() >= options.host_layers) {  // no rows to store
      cache.layers_.push_back({found->second, 0, 0});
      continue;
    }
    const size_t key_offset = offset;
    offset += cells * cache.key_row_bytes_;
    cache.layers_.push_back({found->second, key_offset, offset});
    offset += cells * cache.value_row_bytes_;
  }
  return cache;
}

int32_t KvCache::Length(int32_t sequence) const {
  int32_t length = 0;
  for (const Pool& pool : pools_) {
    for (size_t cell = 0; cell < pool.sequence.size(); ++cell) {
      if (pool.sequence[cell] == sequence) length = std::max(length, pool.position[cell] + 1);
    }
  }
  return length;
}

// Empty cells first; then, in a sliding pool, the oldest that their sequence's next token cannot
// see. Empty when there are not enough.
std::vector<uint32_t> KvCache::FindFree(const Pool& pool, uint32_t count) const {
  std::vector<uint32_t> found;
  for (uint32_t cell = 0; cell < pool.sequence.size() && found.size() < count; ++cell) {
    if (pool.sequence[cell] < 0) found.push_back(cell);
  }
  if (found.size() < count && pool.window != 0) {
    std::map<int32_t, int32_t> next;  // position, by sequence
    for (size_t cell = 0; cell < pool.sequence.size(); ++cell) {
      int32_t& length = next[pool.sequence[cell]];
      length = std::max(length, pool.position[cell] + 1);
    }
    std::vector<uint32_t> unseen;
    for (uint32_t cell = 0; cell < pool.sequence.size(); ++cell) {
      if (pool.sequence[cell] < 0) continue;
      const int64_t oldest_seen = int64_t{next[pool.sequence[cell]]} - pool.window + 1;
      if (pool.position[cell] < oldest_seen) unseen.push_back(cell);
    }
    std::sort(unseen.begin(), unseen.end(), [&](uint32_t a, uint32_t b) {
      return pool.position[a] != pool.position[b] ? pool.position[a] < pool.position[b] : a < b;
    });
    unseen.resize(std::min(unseen.size(), count - found.size()));
    found.insert(found.end(), unseen.begin(), unseen.end());
  }
  if (found.size() < count) found.clear();
  return found;
}

void KvCache::UpdateVisible(int32_t sequence, Pool* pool) {
  pool->visible.clear();
  const int64_t first_query = positions_.front();
  for (uint32_t cell = 0; cell < pool->sequence.size(); ++cell) {
    if (pool->sequence[cell] != sequence) continue;
    if (pool->window != 0 && pool->position[cell] <= first_query - int64_t{pool->window}) continue;
    pool->visible.push_back(cell);
  }
  std::sort(pool->visible.begin(), pool->visible.end(),
            [pool](uint32_t a, uint32_t b) { return pool->position[a] < pool->position[b]; });
  pool->visible_positions.clear();
  for (const uint32_t cell : pool->visible) {
    pool->visible_positions.push_back(pool->position[cell]);
  }
}

absl::Status KvCache::Reserve(int32_t sequence, uint32_t count) {
  const int32_t first = Length(sequence);
  std::vector<std::vector<uint32_t>> taken;
  for (const Pool& pool : pools_) {
    taken.push_back(FindFree(pool, count));
    if (taken.back().size() == count) continue;
    return absl::ResourceExhaustedError(absl::StrCat(
        "no slot for ", count, " tokens of sequence ", sequence, " from position ", first, ": ",
        Describe(), "; use a larger context, fewer sequences, or remove some"));
  }
  positions_.resize(count);
  std::iota(positions_.begin(), positions_.end(), first);
  for (size_t p = 0; p < pools_.size(); ++p) {
    Pool& pool = pools_[p];
    pool.reserved = std::move(taken[p]);
    for (uint32_t i = 0; i < count; ++i) {
      pool.sequence[pool.reserved[i]] = sequence;
      pool.position[pool.reserved[i]] = positions_[i];
    }
    UpdateVisible(sequence, &pool);
  }
  return absl::OkStatus();
}

void KvCache::Store(uint32_t layer, size_t index, const float* keys, const float* values) {
  const Layer& at = layers_[layer];
  const size_t cell = pools_[at.pool].reserved[index];
  encode_key_(keys, 1, key_width_, nullptr, data_.get() + at.key_offset + cell * key_row_bytes_);
  encode_value_(values, 1, value_width_, nullptr,
                data_.get() + at.value_offset + cell * value_row_bytes_);
}

void KvCache::View(uint32_t layer, AttentionInput* input) const {
  const Layer& at = layers_[layer];
  const Pool& pool = pools_[at.pool];
  input->keys = {options_.key_type, data_.get() + at.key_offset, key_row_bytes_, key_head_bytes_};
  input->values = {options_.value_type, data_.get() + at.value_offset, value_row_bytes_,
                   value_head_bytes_};
  input->query_positions = positions_;
  input->cells = pool.visible;
  input->cell_positions = pool.visible_positions;
}

KvCache::Cells KvCache::CellsOf(uint32_t layer) const {
  const Pool& pool = pools_[layers_[layer].pool];
  return {pool.reserved, pool.visible, pool.visible_positions};
}

absl::Status KvCache::Truncate(int32_t sequence, int32_t length) {
  const int32_t old_length = Length(sequence);
  if (length >= old_length) return absl::OkStatus();
  for (const Pool& pool : pools_) {
    if (pool.window == 0 || length == 0) continue;
    // The next token sees [length - window + 1, length).
    const int64_t first = std::max<int64_t>(0, int64_t{length} - pool.window + 1);
    int64_t kept = 0;
    for (size_t cell = 0; cell < pool.sequence.size(); ++cell) {
      kept += pool.sequence[cell] == sequence && pool.position[cell] >= first &&
              pool.position[cell] < length;
    }
    if (kept == length - first) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot take sequence ", sequence, " back from ", old_length, " to ", length,
        " tokens: a layer with a window of ", pool.window, " has kept ", kept, " of the ",
        length - first, " before it; remove the sequence and decode it again"));
  }
  for (Pool& pool : pools_) {
    for (size_t cell = 0; cell < pool.sequence.size(); ++cell) {
      if (pool.sequence[cell] == sequence && pool.position[cell] >= length) {
        pool.sequence[cell] = -1;
        pool.position[cell] = -1;
      }
    }
  }
  return absl::OkStatus();
}

std::string KvCache::Describe() const {
  struct Range {
    int32_t first = 0, last = 0;
    size_t count = 0;
  };
  std::string text =
      absl::StrCat("the ", NameOf(options_.key_type), "/", NameOf(options_.value_type),
                   " cache of ", FormatSize(num_bytes_), " holds");
  for (const Pool& pool : pools_) {
    std::map<int32_t, Range> ranges;
    size_t used = 0, run = 0, largest_run = 0;
    for (size_t cell = 0; cell < pool.sequence.size(); ++cell) {
      run = pool.sequence[cell] < 0 ? run + 1 : 0;
      largest_run = std::max(largest_run, run);
      if (pool.sequence[cell] < 0) continue;
      ++used;
      Range& range = ranges[pool.sequence[cell]];
      const int32_t position = pool.position[cell];
      range.first = range.count == 0 ? position : std::min(range.first, position);
      range.last = range.count == 0 ? position : std::max(range.last, position);
      ++range.count;
    }
    absl::StrAppend(&text, &pool == pools_.data() ? " " : " and ", used, " of ",
                    pool.sequence.size(), " cells (window ",
                    pool.window == 0 ? "none" : absl::StrCat(pool.window), ", largest free run ",
                    largest_run);
    for (const auto& [sequence, range] : ranges) {
      absl::StrAppend(&text, ", sequence ", sequence, " has ", range.count, " at ", range.first,
                      " to ", range.last);
    }
    absl::StrAppend(&text, ")");
  }
  return text;
}

}  // namespace gguf
