// Whether a model still is the model it was made from, after any conversion, quantization, joining
// or splitting: every tensor is there, and its values are near the source's.

#ifndef GGUF_TOOLCHAIN_FORMATS_DEEP_COMPARE_H_
#define GGUF_TOOLCHAIN_FORMATS_DEEP_COMPARE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "formats/tensor_error.h"
#include "formats/tensor_source.h"

namespace gguf {

struct DeepTensor {
  SourceTensor tensor;  // of the model
  TensorType against_type;
  TensorError error;  // of the model's values against the reference's
};

struct DeepComparison {
  std::vector<DeepTensor> tensors;    // in the model's order
  std::vector<std::string> findings;  // what is wrong, one sentence each
  size_t num_uncompared = 0;          // of a vision tower: with text_only, or for want of one
  TensorError total;
};

struct DeepCompareOptions {
  int threads = 1;
  // Relative RMSE above which a tensor counts as wrong; absent: by the model's type
  // (UsualErrorBound).
  absl::optional<double> max_error;
  bool text_only = false;                        // the vision tower of the model is not compared
  const std::atomic<bool>* cancelled = nullptr;  // looked at between tensors; may be null
  std::function<void(uint64_t bytes, absl::string_view tensor)> progress;  // may be empty
};

// The relative RMSE (tensor_error.h) that no sound quantization to `type` exceeds: some 2.3 times
// what the type gives to weights (0.2 for Q4_0), 0.01 for 16 bits and more. Zeroed values give
// the root of their share (0.45 for a fifth), those of another tensor 1.4, a norm that lacks its 1
// far above 0.01.
double UsualErrorBound(TensorType type);

// The same of a stretch (TensorError::worst_stretch), which has to be as good as zeroed to exceed
// it. A max_error above it takes its place.
double StretchErrorBound(TensorType type);

// Compares `model`, a GGUF of any kind, with what `reference` names: a checkpoint (a folder or an
// archive) or a GGUF of the same model. Tensors of a vision tower are found under the names of
// either container. Findings: other hyperparameters (hyperparameters.h), a tensor that only one of them has, other shapes, an error above the
// bound, a vision tower that the reference lacks (unless text_only), nothing to compare. A language
// model is compared with the language half of a reference that has both. Errors of opening and
// reading; Cancelled.
absl::StatusOr<DeepComparison> CompareDeeply(const TensorSource& model, absl::string_view reference,
                                             const DeepCompareOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_DEEP_COMPARE_H_
