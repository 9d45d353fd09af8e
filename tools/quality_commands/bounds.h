// `quality check`: figures of a model against bounds.

#ifndef GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_BOUNDS_H_
#define GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_BOUNDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/report/result.pb.h"

namespace gguf {

// A figure that can be bounded.
struct BoundRow {
  const char* option;  // "--max-kl"
  const char* figure;  // as messages and results call it
  const char* help;
  bool is_least;    // the bound is a lower one
  bool is_size;     // bytes: the bound may be written as 10MiB
  bool of_tensors;  // each tensor has one; a bound may be PATTERN=NUMBER
  bool needs_base;  // part of the divergence
  double (*of_model)(const gguf_toolchain::QualityResult&);  // null with of_tensors
};

absl::Span<const BoundRow> BoundRows();

// A bound as the command line has it: a number of at least 0; a size where the row is one; of a row
// of tensors also PATTERN=NUMBER, for the tensors in whose name the regular expression is found
// (quantize/name_pattern.h). The last such bound that concerns a tensor is the one that counts; a
// number alone concerns those that no pattern does.
struct GivenBound {
  const BoundRow* row;
  std::string text;
};

// A result per bound, of a tensors' bound for the tensor that is worst. InvalidArgument for a bound
// that cannot be read, a pattern that no tensor has, or a figure that was not measured.
absl::StatusOr<gguf_toolchain::QualityCheck> CheckBounds(
    const gguf_toolchain::QualityResult& figures, absl::Span<const GivenBound> bounds);

// A line per bound and finding: what was found, what was expected.
std::string CheckText(const gguf_toolchain::QualityCheck& check);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_BOUNDS_H_
