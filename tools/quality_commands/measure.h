// `quality measure`: the figures of one model file, for bounds and reports.

#ifndef GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_MEASURE_H_
#define GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_MEASURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

struct MeasureOptions {
  std::string model;    // GGUF, any shard of a split one
  std::string against;  // checkpoint (folder, archive) or GGUF that it was made from
  std::string base;     // base file for the divergence; empty: none is measured
  std::string text;     // that the base must have been made of; empty: any
};

// Hashes and checks the file, compares every tensor with the source's, and runs it on the base's
// text. What is wrong with the file is in `findings`; an error means that nothing could be
// measured.
absl::StatusOr<gguf_toolchain::QualityResult> MeasureQuality(const MeasureOptions& options,
                                                             const CommonOptions& common);

// What MeasureQuality gave, from the JSON form. InvalidArgument, naming the file, when it is no
// such document, has unknown fields, or another schema version.
absl::StatusOr<gguf_toolchain::QualityResult> ReadQuality(absl::string_view path);
absl::StatusOr<gguf_toolchain::QualityResult> ParseQuality(absl::string_view path,
                                                           absl::string_view json);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_QUALITY_COMMANDS_MEASURE_H_
