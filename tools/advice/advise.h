// Which type of weights and which type of cache for a given amount of memory.

#ifndef GGUF_TOOLCHAIN_TOOLS_ADVICE_ADVISE_H_
#define GGUF_TOOLCHAIN_TOOLS_ADVICE_ADVISE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/memory.h"
#include "tools/advice/memory_need.h"
#include "tools/advice/model_facts.h"

namespace gguf {

struct AdviceRequest {
  uint64_t memory = 0;                      // bytes free on the device
  uint64_t headroom = uint64_t{512} << 20;  // bytes to leave free: driver, desktop, fragments
  ContextOptions context;
  absl::optional<TensorType> key_type, value_type;  // of the cache; chosen when absent
};

// What to look for first; each is a row of a table in advise.cc.
struct Priority {
  absl::string_view name;  // "quality"
  // Of the types whose expected divergence is at most this, the one of which a token reads least
  // (generation is bound by that); where none is, the least divergence.
  double divergence_bound;
  absl::string_view meaning;  // for people
};

// quality (least divergence of all), balanced (at most 0.015: about 1 % of perplexity), speed (at
// most 0.04: about 4 %).
absl::Span<const Priority> AllPriorities();

// A pair of cache types.
struct CacheChoice {
  TensorType keys = TensorType::kF16;
  TensorType values = TensorType::kF16;
  uint64_t bytes = 0;
  double divergence = 0;  // that it adds; -1: nothing is published
};

// A type of weights with the best cache that fits beside it (the smallest when none does).
struct Fit {
  size_t option = 0;  // into ModelFacts::options
  size_t cache = 0;   // into Advice::caches
  MemoryNeed need;
  double divergence = -1;  // of weights and cache, taken to add up; -1: unknown
  bool fits = false;
  int64_t spare = 0;  // bytes left of the budget; negative: missing
};

struct Advice {
  uint64_t budget = 0;              // memory less headroom
  std::vector<CacheChoice> caches;  // least loss first
  std::vector<Fit> fits;            // one per option, in their order
  std::vector<size_t> best;         // per priority, into `fits`; empty when nothing fits
  size_t smallest = 0;              // into `fits`: what needs least memory
  std::vector<std::string> warnings;
};

// InvalidArgument for a cache type that no cache has or whose blocks do not divide the heads.
// Caches are f16, then q8_0, then q4_0, unless given; quantized ones only for families with which
// every program runs them (gpt-oss: f16 always, with a warning).
absl::StatusOr<Advice> Advise(const ModelFacts& facts, const AdviceRequest& request);

// The memory with which the smallest choice would fit.
uint64_t LeastMemory(const Advice& advice, const AdviceRequest& request);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_ADVICE_ADVISE_H_
