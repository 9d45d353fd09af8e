#include "tools/evaluate_commands/step_progress.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace gguf {

StepProgress::StepProgress(absl::string_view unit, uint64_t total, const CommonOptions& common)
    : unit_(unit),
      total_(total),
      is_shown_(!common.quiet && common.progress != "never"),
      is_live_(isatty(STDERR_FILENO) == 1),
      period_(is_live_ ? absl::Milliseconds(100) : absl::Seconds(5)),
      start_(absl::Now()),
      next_(common.progress == "always" ? start_ : start_ + period_) {}

StepProgress::~StepProgress() {
  if (has_line_) std::fprintf(stderr, "\r\x1b[K");
}

double StepProgress::seconds() const { return absl::ToDoubleSeconds(absl::Now() - start_); }

absl::Status StepProgress::Update(uint64_t done, absl::string_view estimate) {
  if (Interrupted().load()) return absl::CancelledError("interrupted");
  const absl::Time now = absl::Now();
  if (!is_shown_ || now < next_) return absl::OkStatus();
  next_ = now + period_;
  const int64_t left = static_cast<int64_t>(seconds() / done * (total_ - done) + 0.5);
  const std::string line = absl::StrFormat("%s %d of %d  %s  %d:%02d left", unit_, done, total_,
                                           estimate, left / 60, left % 60);
  std::fprintf(stderr, is_live_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
  has_line_ = is_live_;
  return absl::OkStatus();
}

}  // namespace gguf
