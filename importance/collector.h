// Watches the matrix products of a running model and sums the squares of their activations.
//
//   Collector collector(*model, Collector::Options());
//   DecoderOptions options;
//   options.observer = collector.observer();
//   ... Decoder::Create(*model, options), Decode ...
//   GGUF_RETURN_IF_ERROR(total.Add(collector.sums()));

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_COLLECTOR_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_COLLECTOR_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "importance/sums.h"
#include "runtime/model.h"
#include "runtime/products.h"

namespace gguf {

// Batches of fewer rows say little about a text (a prompt's tail, a token being generated).
inline constexpr size_t kLeastObservedRows = 16;

// Which products count: those of experts always, whatever their name and number of rows; of other
// tensors those named `blk.*` in batches of kLeastObservedRows or more, and, when asked for,
// `output.weight` (a tied output is the token embedding, which is never measured). Not thread-safe.
class Collector {
 public:
  struct Options {
    bool process_output = false;
  };

  // Reads shapes only; `model` need not outlive the collector.
  Collector(const Model& model, const Options& options);

  // The collector must outlive, and not move while in use by, the decoder that calls it.
  ProductObserver observer() {
    return [this](const ObservedProduct& product) { Observe(product); };
  }
  void Observe(const ObservedProduct& product);

  const ImportanceSums& sums() const { return sums_; }
  void Clear() { sums_.Clear(); }

  // Bytes that sums of this model take: 8 per input column, expert and tensor.
  static uint64_t SumBytes(const Model& model);

 private:
  const Options options_;
  absl::flat_hash_map<std::string, size_t> num_experts_;  // of stacks
  ImportanceSums sums_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_COLLECTOR_H_
