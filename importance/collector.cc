#include "importance/collector.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace gguf {
namespace {

constexpr absl::string_view kLayerPrefix = "blk.";
constexpr absl::string_view kOutput = "output.weight";

}  // namespace

Collector::Collector(const Model& model, const Options& options) : options_(options) {
  for (const TensorView& tensor : model.tensors()) {
    if (tensor.shape.matrices() > 1) num_experts_[tensor.name] = tensor.shape.matrices();
  }
}

void Collector::Observe(const ObservedProduct& product) {
  if (product.expert >= 0) {
    const auto experts = num_experts_.find(product.weight);
    if (experts == num_experts_.end()) return;
    sums_.AddRows(product.weight, experts->second, static_cast<size_t>(product.expert),
                  product.activations, product.count, product.columns);
    return;
  }
  // The rows of the output arrive in slices of a batch, so that their number says nothing.
  const bool counts = product.weight == kOutput ? options_.process_output
                                                : absl::StartsWith(product.weight, kLayerPrefix) &&
                                                      product.count >= kLeastObservedRows;
  if (!counts) return;
  sums_.AddRows(product.weight, 1, 0, product.activations, product.count, product.columns);
}

uint64_t Collector::SumBytes(const Model& model) {
  uint64_t bytes = 0;
  for (const TensorView& tensor : model.tensors()) {
    if (tensor.shape.rank() < 2) continue;
    bytes += sizeof(double) * tensor.shape.columns() * tensor.shape.matrices();
  }
  return bytes;
}

}  // namespace gguf
