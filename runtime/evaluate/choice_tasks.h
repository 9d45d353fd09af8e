// Files of multiple-choice tasks: JSON lines, in our own shape or as the known tests publish them.
//
// A line is a task; its members decide its shape:
//
//   ours       {"context": "1 + 1 =", "choices": [" 3", " 2"], "answer": 1}
//   MMLU       {"question": "...", "choices": ["...", ...], "answer": 0, "subject": "anatomy"}
//              asked with lettered choices, of which the letter is answered; "answer" may be "A"
//   HellaSwag  {"activity_label": "...", "ctx": "...", "endings": ["...", ...], "label": "3"}
//              asked as "<activity>: <ctx>", without the texts' [marks]
//   ARC        {"question": "...", "choices": {"text": [...], "label": [...]}, "answerKey": "C"},
//   or
//              {"question": {"stem": "...", "choices": [{"text": "...", "label": "A"}, ...]}, ...}
//              asked as "Question: <question>\nAnswer:"
//
// The prompts are those of EleutherAI's lm-evaluation-harness. Further members are ignored.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_TASKS_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_TASKS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

inline constexpr size_t kMaxChoices = 1024;

struct ChoiceTask {
  std::string preamble;              // comes first, also of examples; may be empty
  std::string context;               // may be empty
  std::vector<std::string> choices;  // 2 to kMaxChoices, none empty; with their leading space
  size_t answer = 0;                 // index of the right one
  size_t line = 0;                   // in the file, from 1

  std::string prompt() const { return preamble + context; }
};

// Empty lines are skipped. InvalidArgument, naming `name` and line, for a line that is no task, and
// for a file without tasks.
absl::StatusOr<std::vector<ChoiceTask>> ParseChoiceTasks(absl::string_view name,
                                                         absl::string_view text);

// Puts the first `shots` tasks, solved, in front of the context of each other one, a blank line
// between, and removes them. InvalidArgument when none is left.
absl::Status MoveShots(absl::string_view name, size_t shots, std::vector<ChoiceTask>* tasks);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_CHOICE_TASKS_H_
