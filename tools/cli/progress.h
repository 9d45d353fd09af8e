// Progress of long work: a live bar on a terminal, a plain line every few seconds elsewhere.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_PROGRESS_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "quantize/execute.h"

namespace gguf {

class ProgressBar : public ProgressListener {
 public:
  // `mode`: auto, always, never. Prints to standard error: `label`, percent, rate, time left and
  // the current tensor, at most ten times a second on a terminal, every five seconds elsewhere.
  // With a `unit` ("tokens") the numbers count that instead of bytes.
  ProgressBar(absl::string_view label, uint64_t total_bytes, absl::string_view mode, bool quiet,
              absl::string_view unit = "");
  ~ProgressBar() override;

  void Advance(uint64_t bytes, absl::string_view tensor) override;
  // Done before: counts in the percentage, not in the rate.
  void Skip(uint64_t bytes) override;

  // Clears the live line, so that other text can follow. Called by the destructor too.
  void Finish();

 private:
  std::string Line(uint64_t done, absl::string_view tensor, absl::Time now) const;

  const std::string label_;
  const std::string unit_;
  const uint64_t total_bytes_;
  bool is_shown_;
  bool is_live_;
  bool is_eager_;  // the first line at once
  absl::Duration period_;
  absl::Time start_ = absl::InfinitePast();  // of the work: the first Advance
  absl::Mutex mutex_;
  uint64_t done_ = 0;
  uint64_t skipped_ = 0;  // of done_
  absl::Time next_ = absl::InfinitePast();
  bool has_line_ = false;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_PROGRESS_H_
