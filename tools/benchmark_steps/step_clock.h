// Progress of a benchmark: which step runs, and how long all will take.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_STEP_CLOCK_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_STEP_CLOCK_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/cli/cli.h"

namespace gguf {

// Steps of one kind are taken to last as long as the mean of those that are done, be it in an
// earlier run. While a kind is to come of which none is done, the time left is "at least".
class StepClock {
 public:
  explicit StepClock(const CommonOptions& common);
  ~StepClock() { Clear(); }

  void AddStep(absl::string_view kind);                  // to come
  void AddDone(absl::string_view kind, double seconds);  // measured earlier

  // Prints "[3/18] Q4_K_M: KL divergence, about 2:10 left", on a terminal again with each Tick.
  void Start(absl::string_view kind, absl::string_view model);
  void Tick();
  double Stop();  // seconds since Start

  // Removes the live line, so that other text can follow.
  void Clear();

  // "about 2:10 left", "at least 0:40 left"; empty before anything is known.
  std::string TimeLeft() const;

 private:
  struct Kind {
    int num_left = 0, num_done = 0;
    double seconds = 0;  // of those that are done
  };
  void Print();

  const bool is_shown_, is_live_, is_eager_;
  std::map<std::string, Kind, std::less<>> kinds_;
  int num_steps_ = 0, num_started_ = 0;
  std::string kind_, model_;
  absl::Time start_, next_;
  bool has_line_ = false;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_STEP_CLOCK_H_
