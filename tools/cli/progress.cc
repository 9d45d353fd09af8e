#include "tools/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gguf/base/sizes.h"

namespace gguf {
namespace {

constexpr absl::Duration kLivePeriod = absl::Milliseconds(100);
constexpr absl::Duration kPlainPeriod = absl::Seconds(5);
constexpr int kBarWidth = 24;
constexpr double kLeastSeconds = 0.05;  // before that a rate says nothing

size_t TerminalWidth() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string Bar(double fraction) {
  const int full = static_cast<int>(fraction * kBarWidth);
  return absl::StrCat("[", std::string(full, '#'), std::string(kBarWidth - full, '.'), "]");
}

}  // namespace

ProgressBar::ProgressBar(absl::string_view label, uint64_t total_bytes, absl::string_view mode,
                         bool quiet, absl::string_view unit)
    : label_(label), unit_(unit), total_bytes_(total_bytes) {
  const bool is_terminal = isatty(STDERR_FILENO) == 1;
  is_shown_ = !quiet && mode != "never";
  is_live_ = is_terminal;
  period_ = is_live_ ? kLivePeriod : kPlainPeriod;
  is_eager_ = mode == "always" && !is_live_;
}

ProgressBar::~ProgressBar() { Finish(); }

std::string ProgressBar::Line(uint64_t done, absl::string_view tensor, absl::Time now) const {
  const double seconds = absl::ToDoubleSeconds(now - start_);
  const double fraction =
      total_bytes_ == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / total_bytes_);
  std::string pace;
  if (seconds >= kLeastSeconds) {
    const double rate = (done - std::min(done, skipped_)) / seconds;
    const int64_t left = rate > 0 ? static_cast<int64_t>((total_bytes_ - done) / rate + 0.5) : 0;
    const std::string amount = unit_.empty() ? FormatSize(static_cast<uint64_t>(rate))
                                             : absl::StrFormat("%.0f %s", rate, unit_);
    pace = absl::StrFormat("  %s/s  %d:%02d left", amount, left / 60, left % 60);
  }
  return absl::StrFormat("%s %s%3.0f%%%s  %s", label_,
                         is_live_ ? absl::StrCat(Bar(fraction), " ") : "", 100 * fraction, pace,
                         absl::Utf8SafeCEscape(tensor));
}

void ProgressBar::Advance(uint64_t bytes, absl::string_view tensor) {
  if (!is_shown_) return;
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  if (start_ == absl::InfinitePast()) {
    start_ = now;
    next_ = is_eager_ ? now : now + period_;
  }
  done_ += bytes;
  if (now < next_) return;
  next_ = now + period_;
  std::string line = Line(std::min(done_, total_bytes_), tensor, now);
  if (is_live_) {
    line.resize(std::min(line.size(), TerminalWidth() - 1));
    std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
    has_line_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

void ProgressBar::Skip(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  done_ += bytes;
  skipped_ += bytes;
}

void ProgressBar::Finish() {
  absl::MutexLock lock(&mutex_);
  if (has_line_) std::fprintf(stderr, "\r\x1b[K");
  has_line_ = false;
}

}  // namespace gguf
