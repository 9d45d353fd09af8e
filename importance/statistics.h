// What an importance matrix says about the layers of its model.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_STATISTICS_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_STATISTICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "importance/data.h"

namespace gguf {

// Of a tensor's mean squares a (those of experts with any row, one after the other).
struct TensorStatistics {
  std::string name;
  int32_t layer = -1;     // of blk.<layer>.*; -1: none
  std::string base_name;  // "attn_k" of blk.3.attn_k.weight
  uint64_t num_values = 0;
  double total = 0.0;
  double least = 0.0;
  double greatest = 0.0;
  double mean = 0.0;
  double deviation = 0.0;           // standard deviation
  double active = 0.0;              // share of values above 1e-5
  double entropy = 0.0;             // -sum p log2 p with p = a / total, in bits
  double normalized_entropy = 0.0;  // entropy / log2(num_values)
  double z_score_density = 0.0;     // share of values more than one deviation above the mean
  double cosine_similarity = 0.0;   // of the sums with those of the layer before; 0: there is none
  uint64_t num_experts = 0;         // matrices
  uint64_t num_unused = 0;          // of them, without any row
  int64_t least_rows = 0;           // rows of the expert with the fewest, and with the most
  int64_t most_rows = 0;
};

// Averages over a layer's tensors, weighted by their values.
struct LayerStatistics {
  int32_t layer = 0;
  double total = 0.0;
  double z_score_density = 0.0;
  double cosine_similarity = 0.0;
};

struct ImportanceStatistics {
  std::vector<TensorStatistics> tensors;  // by base name, then falling total
  std::vector<LayerStatistics> layers;    // ascending
};

ImportanceStatistics ComputeStatistics(const ImportanceData& data);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_STATISTICS_H_
