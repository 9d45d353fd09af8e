#include "tools/benchmark_steps/step_clock.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace gguf {
namespace {

constexpr absl::Duration kLivePeriod = absl::Milliseconds(200);
constexpr absl::Duration kPlainPeriod = absl::Seconds(5);

}  // namespace

StepClock::StepClock(const CommonOptions& common)
    : is_shown_(!common.quiet && common.progress != "never"),
      is_live_(isatty(STDERR_FILENO) == 1),
      is_eager_(common.progress == "always"),
      start_(absl::Now()),
      next_(is_live_ || is_eager_ ? start_ : start_ + kPlainPeriod) {}

void StepClock::AddStep(absl::string_view kind) {
  ++kinds_[std::string(kind)].num_left;
  ++num_steps_;
}

void StepClock::AddDone(absl::string_view kind, double seconds) {
  Kind& known = kinds_[std::string(kind)];
  ++known.num_done;
  known.seconds += seconds;
}

void StepClock::Start(absl::string_view kind, absl::string_view model) {
  kind_ = std::string(kind);
  model_ = std::string(model);
  ++num_started_;
  start_ = absl::Now();
  if (is_live_ || is_eager_ || start_ >= next_) Print();
}

void StepClock::Tick() {
  if (is_live_ && absl::Now() >= next_) Print();
}

double StepClock::Stop() {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  --kinds_[kind_].num_left;
  AddDone(kind_, seconds);
  return seconds;
}

void StepClock::Clear() {
  if (has_line_) std::fprintf(stderr, "\r\x1b[K");
  has_line_ = false;
}

std::string StepClock::TimeLeft() const {
  double seconds = 0;
  bool is_complete = true, is_known = false;
  for (const auto& [name, kind] : kinds_) {
    if (kind.num_done > 0) {
      seconds += kind.num_left * kind.seconds / kind.num_done;
      is_known = true;
    } else if (kind.num_left > 0) {
      is_complete = false;
    }
  }
  if (!is_known) return "";
  if (kinds_.find(kind_) != kinds_.end()) {  // of the running step
    seconds -= std::min(seconds, absl::ToDoubleSeconds(absl::Now() - start_));
  }
  const int64_t left = static_cast<int64_t>(seconds + 0.5);
  return absl::StrFormat("%s %d:%02d left", is_complete ? "about" : "at least", left / 60,
                         left % 60);
}

void StepClock::Print() {
  if (!is_shown_) return;
  next_ = absl::Now() + (is_live_ ? kLivePeriod : kPlainPeriod);
  const std::string left = TimeLeft();
  const std::string line =
      absl::StrFormat("[%d/%d] %s: %s%s%s", num_started_, num_steps_, Printable(model_), kind_,
                      left.empty() ? "" : ", ", left);
  std::fprintf(stderr, is_live_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
  has_line_ = is_live_;
}

}  // namespace gguf
