// Multiple choice: which of several endings does a model find likeliest after a beginning?

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/statistics.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

inline constexpr size_t kMaxChoices = 1024;

struct ChoiceTask {
  std::string context;               // may be empty
  std::vector<std::string> choices;  // 2 to kMaxChoices, none empty; with their leading space
  size_t answer = 0;                 // index of the right one
  size_t line = 0;                   // in the file, from 1
};

// One task per line: {"context": "...", "choices": ["...", "..."], "answer": 0}, further members
// ignored, empty lines skipped. InvalidArgument, naming `name` and line, for anything else and for
// a file without tasks.
absl::StatusOr<std::vector<ChoiceTask>> ParseChoiceTasks(absl::string_view name,
                                                         absl::string_view text);

// Puts the first `shots` tasks, solved, in front of the context of each other one, a blank line
// between, and removes them. InvalidArgument when none is left.
absl::Status MoveShots(absl::string_view name, size_t shots, std::vector<ChoiceTask>* tasks);

// A task as tokens: an ending is what differs from the context's tokens.
struct EncodedTask {
  std::vector<std::vector<int32_t>> choices;  // context and ending
  std::vector<size_t> ending;                 // per choice, its first token, at least 1
  std::vector<size_t> bytes;                  // per choice, of its text
  size_t shared = 0;                          // tokens that all begin with, at most every ending
};
absl::StatusOr<EncodedTask> EncodeTask(const Tokenizer& tokenizer, const ChoiceTask& task);

// Total log-probability of each ending. The decoder holds the longest choice; sequence 0 is used.
absl::StatusOr<std::vector<double>> ScoreEndings(const EncodedTask& task, Decoder* decoder);

// Right answers by what is compared among a task's endings.
struct ChoiceResult {
  uint64_t tasks = 0;
  uint64_t right_by_byte = 0;   // log-probability divided by the ending's bytes: the score we use
  uint64_t right_by_token = 0;  // divided by its tokens
  uint64_t right_by_sum = 0;    // total
  double chance = 0.0;          // mean of 1 / number of choices

  // Of equal scores the first counts.
  void Add(const EncodedTask& task, size_t answer, absl::Span<const double> scores);
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_H_
