// Progress of work in equal steps, with the estimate so far: a live line on a terminal, a plain
// line every few seconds elsewhere.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_STEP_PROGRESS_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_STEP_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/cli/cli.h"

namespace gguf {

class StepProgress {
 public:
  // "<unit> 3 of 56  perplexity 40.53 +- 2.1  0:21 left" on standard error, as `common` says.
  StepProgress(absl::string_view unit, uint64_t total, const CommonOptions& common);
  ~StepProgress();

  // After each step. Cancelled once the process was told to end.
  absl::Status Update(uint64_t done, absl::string_view estimate);

  double seconds() const;  // since it was made

 private:
  const std::string unit_;
  const uint64_t total_;
  const bool is_shown_, is_live_;
  const absl::Duration period_;
  const absl::Time start_;
  absl::Time next_;
  bool has_line_ = false;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_STEP_PROGRESS_H_
