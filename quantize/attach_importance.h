// Gives planned tensors the importance that was measured for them, and says what is odd about it.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ATTACH_IMPORTANCE_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ATTACH_IMPORTANCE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/tensor_source.h"
#include "importance/data.h"
#include "quantize/plan.h"
#include "quantize/recipe.h"

namespace gguf {

// Blocks choose their scales from at least this many columns. Where all of them have importance 0,
// most types store 0, as llama-quantize does.
inline constexpr size_t kScaleColumns = 16;

class ImportanceAttacher {
 public:
  // `data` may be null (none was given) and must outlive this. `recipe_name` is the scheme that
  // errors speak of. In a dry run missing data is a warning.
  ImportanceAttacher(const ImportanceData* data, absl::string_view recipe_name, bool dry_run)
      : data_(data), recipe_name_(recipe_name), dry_run_(dry_run) {}

  // InvalidArgument when no entry names a tensor of `source`; a warning when some do not.
  absl::Status CheckNames(const TensorSource& source);

  // Fills tensor->importance, whose type and encoder are chosen. `source_name` is the name the data
  // was measured under. InvalidArgument names file, entry or tensor: data of another shape (ignored
  // with a warning for token embeddings), or none where the type needs it.
  absl::Status Attach(absl::string_view source_name, const Decision& decision,
                      PlannedTensor* tensor);

  // One sentence each; to be called once, after the last tensor.
  std::vector<std::string> Warnings();

 private:
  absl::Status Missing(const PlannedTensor& tensor, bool is_required, absl::string_view why);
  absl::Status CheckShape(absl::string_view source_name, const ImportanceEntry& entry,
                          const PlannedTensor& tensor) const;
  void NoteGaps(const PlannedTensor& tensor, const std::vector<size_t>& unmeasured);

  const ImportanceData* data_;
  const std::string recipe_name_;
  const bool dry_run_;
  std::vector<std::string> warnings_;
  std::vector<std::string> required_;    // tensors whose type needs data that is missing
  std::vector<std::string> missing_;     // tensors without an entry
  std::vector<std::string> unmeasured_;  // tensors, with the experts that were never reached
  std::vector<std::string> zero_;        // tensors, with the groups whose importance is 0
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ATTACH_IMPORTANCE_H_
