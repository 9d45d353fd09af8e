// Importance matrices: what was measured of the activations that meet each weight, and its files.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_DATA_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_DATA_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

// Of one weight tensor with `columns` input columns and `counts.size()` matrices (experts). Legacy
// files keep no count per expert: their entries are one matrix of experts * columns columns, in the
// same order, so that ImportanceWeights gives the same vector.
struct ImportanceEntry {
  // [matrices, columns]: per column the sum over all rows seen of the squared activation.
  std::vector<float> sums;
  // [matrices]: rows seen. 0 for an expert that was never chosen.
  std::vector<int64_t> counts;
};

struct ImportanceData {
  std::map<std::string, ImportanceEntry> entries;  // by tensor name
  std::vector<std::string> datasets;
  uint32_t chunk_count = 0;  // 0: unknown
  uint32_t chunk_size = 0;
  std::string path;  // as given by the user
};

// Bounds of a mean square that quantizers can weigh errors with. Their products of float32 numbers
// overflow above the greater one (activations of 3e7: no model has them), which is refused; below
// the smaller one they vanish, so that a matrix without a greater value counts as not measured.
inline constexpr float kGreatestImportance = 1e15f;
inline constexpr float kLeastImportance = 1e-18f;

// Reads either file format (GGUF when the file starts like one, else the legacy binary one), every
// number bounded by the file's size. InvalidArgument names file, entry, found and expected: a sum
// without its counts, a type other than F32, sizes that do not agree, a negative or non-finite
// value, a mean square above kGreatestImportance.
absl::StatusOr<ImportanceData> ReadImportance(absl::string_view path);

// Keeps entries whose name contains one of `include` (all when empty) and none of `exclude`.
void FilterImportance(absl::Span<const std::string> include, absl::Span<const std::string> exclude,
                      ImportanceData* data);

// Matrices that nothing was measured for: count 0, or all mean squares below kLeastImportance.
// Ascending.
std::vector<size_t> UnmeasuredMatrices(const ImportanceEntry& entry);

// The weights of a quantizer: [matrices, columns], sum / count per matrix, 1 for those that were
// not measured.
std::vector<float> ImportanceWeights(const ImportanceEntry& entry);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_DATA_H_
