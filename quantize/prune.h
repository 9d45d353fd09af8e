// Dropping layers of a model (--prune-layers): which tensors go, and what the others are called.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_PRUNE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_PRUNE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"

namespace gguf {

// Layers of the pruned model are those that stay, renumbered without gaps. Recipes are given the
// new names but the old ModelTraits (num_layers before pruning), as in llama-quantize; importance
// data goes by the old names.
class LayerPruning {
 public:
  // Drops nothing.
  LayerPruning() = default;

  // InvalidArgument: a layer that does not exist, or no layer left. Order and repetitions in
  // `dropped` do not matter.
  static absl::StatusOr<LayerPruning> Create(uint64_t num_layers,
                                             absl::Span<const uint64_t> dropped);

  bool empty() const { return dropped_.empty(); }
  uint64_t num_remaining() const { return num_layers_ - dropped_.size(); }

  // New number of a layer; nothing when it is dropped.
  absl::optional<uint64_t> NewLayer(uint64_t layer) const;

  // New name of a tensor; nothing when its layer is dropped. Names without a layer ("blk.N.") stay
  // as they are.
  absl::optional<std::string> NewName(absl::string_view tensor_name) const;

  // Sets `{arch}.block_count` (uint32) and removes the elements of dropped layers from per-layer
  // arrays: head counts, feed-forward lengths, sliding windows. InvalidArgument: no architecture.
  absl::Status UpdateMetadata(Metadata* metadata) const;

 private:
  uint64_t num_layers_ = 0;
  std::vector<uint64_t> dropped_;  // ascending, distinct
};

// Reads "3,5,20". InvalidArgument names what is not a number.
absl::StatusOr<std::vector<uint64_t>> ParseLayerList(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_PRUNE_H_
