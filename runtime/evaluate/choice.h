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
#include "runtime/evaluate/choice_tasks.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

// A task as tokens: an ending is what differs from the context's tokens.
struct EncodedTask {
  std::vector<std::vector<int32_t>> choices;  // context and ending
  std::vector<size_t> ending;                 // per choice, its first token, at least 1
  std::vector<size_t> bytes;                  // per choice, of its text
  size_t shared = 0;                          // tokens that all begin with, at most every ending
};
absl::StatusOr<EncodedTask> EncodeTask(const Tokenizer& tokenizer, const ChoiceTask& task);

// Scores one task after the other on sequence 0 of a decoder, which must hold the longest choice.
// What a task's endings share is run once, less what it shares with the task before (the examples
// of a few-shot test); then each ending from there. Equal to running each choice by itself but for
// the last bits, see Decoder.
class ChoiceScorer {
 public:
  // `decoder` must outlive the scorer and not be used otherwise.
  explicit ChoiceScorer(Decoder* decoder) : decoder_(*decoder) {}

  // Total log-probability of each ending. FailedPrecondition when a logit is no number; else as
  // Decoder::Decode.
  absl::StatusOr<std::vector<double>> Score(const EncodedTask& task);

  // Tokens run so far.
  uint64_t tokens_run() const { return tokens_run_; }

 private:
  absl::Status Run(absl::Span<const int32_t> tokens, size_t first_wanted,
                   const std::function<void(size_t, absl::Span<const float>)>& sink);
  absl::Status KeepFirst(absl::Span<const int32_t> tokens);

  Decoder& decoder_;
  std::vector<int32_t> cached_;  // what sequence 0 holds
  uint64_t tokens_run_ = 0;
};

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
