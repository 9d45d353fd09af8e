// `gguf verify`: everything that is wrong with a model's files.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

struct VerifyOptions {
  bool hash = false;    // digests of files and tensors
  bool deep = false;    // the names of its tensors (formats/complete_names.h)
  std::string against;  // with `deep`: compare with this (formats/deep_compare.h); empty: nothing
  absl::optional<double> max_error;  // DeepCompareOptions
  bool text_only = false;            // likewise
  std::string provenance;            // path of a statement to compare with, "auto": beside it
  std::vector<std::string> sources;  // with `provenance`: where to look for what it was made from
  std::string image;  // with `against`: for verify_image.h; empty: its pattern, where both run
};

// Structure and values of the model at `path`, and what the options ask for. A file that readers
// refuse gives a result with that one finding; an error means that nothing could be checked: no
// such file, no permission, interrupted.
absl::StatusOr<gguf_toolchain::VerifyResult> Verify(const std::string& path,
                                                    const VerifyOptions& options,
                                                    const CommonOptions& common);

// One line per compared tensor, finding and digest (the digests as sha256sum prints them), then the
// verdict.
std::string VerifyText(const gguf_toolchain::VerifyResult& result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_H_
