// Matching the tensors of a checkpoint against the rules of its family.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_TENSOR_MAP_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_TENSOR_MAP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/arch/arch.h"
#include "formats/hf_config.h"
#include "formats/safetensors.h"
#include "gguf/shape.h"

namespace gguf {

struct MappedTensor {
  std::string name;  // in the GGUF
  Shape shape;       // in the GGUF

  // Indices into the tensors given: one, or one per matrix of a stack.
  std::vector<size_t> sources;
  // Of the scales that belong to sources[0], the codes, when this is MXFP4.
  absl::optional<size_t> scales;

  bool is_bias = false;  // or another vector (per matrix): `permuted_heads` and `choice` count its
                         // elements

  // From the TensorRule.
  uint64_t permuted_heads = 0;  // 0: rows stay in order
  RowChoice choice = RowChoice::kAll;
  bool adds_one = false;

  // The stored matrices are the transposes: [columns, rows], with the rows that `choice` counts.
  bool is_transposed = false;
};

// What becomes of every tensor, in the order given (a stack at its first expert). Tensors of other
// towers (vision, audio) that config.json describes and what can be computed (rotary frequencies,
// masks) are dropped.
// InvalidArgument, naming `origin` and the tensors: one that no rule is for, two for one rule, one
// that is missing in any layer, a shape that does not follow from config.json.
absl::StatusOr<std::vector<MappedTensor>> MapTensors(
    absl::string_view origin, const Family& family, const HfConfig& config, const ModelSizes& sizes,
    absl::Span<const SafetensorsTensor* const> tensors);

// As above for some of the tensors of such a checkpoint: none is missing, but a stack of experts
// must be complete.
absl::StatusOr<std::vector<MappedTensor>> MapSomeTensors(
    absl::string_view origin, const Family& family, const HfConfig& config, const ModelSizes& sizes,
    absl::Span<const SafetensorsTensor* const> tensors);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_TENSOR_MAP_H_
