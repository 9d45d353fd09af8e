#include "runtime/evaluate/choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "formats/json.h"
#include "gguf/base/status_macros.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {
namespace {

absl::Status Wrong(absl::string_view where, absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", found, ", expected ", expected));
}

std::string Found(absl::string_view key, const Json* value) {
  return value == nullptr ? absl::StrCat("\"", key, "\" is missing")
                          : absl::StrCat("\"", key, "\" is ", value->Describe());
}

absl::StatusOr<ChoiceTask> ParseTask(const std::string& where, absl::string_view line) {
  GGUF_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(where, line));
  ChoiceTask task;
  const Json* context = json.Find("context");
  if (context == nullptr || context->string() == nullptr) {
    return Wrong(where, Found("context", context), "a text");
  }
  task.context = *context->string();
  const Json* choices = json.Find("choices");
  if (choices == nullptr || choices->array() == nullptr || choices->array()->size() < 2 ||
      choices->array()->size() > kMaxChoices) {
    return Wrong(where, Found("choices", choices),
                 absl::StrCat("a list of 2 to ", kMaxChoices, " texts"));
  }
  for (const Json& choice : *choices->array()) {
    if (choice.string() == nullptr || choice.string()->empty()) {
      return Wrong(where, absl::StrCat("a choice is ", choice.Describe()), "a text, not empty");
    }
    task.choices.push_back(*choice.string());
  }
  const Json* answer = json.Find("answer");
  const absl::optional<uint64_t> index = answer == nullptr ? absl::nullopt : answer->whole_number();
  if (!index.has_value() || *index >= task.choices.size()) {
    return Wrong(where, Found("answer", answer),
                 absl::StrCat("a number from 0 to ", task.choices.size() - 1));
  }
  task.answer = *index;
  return task;
}

size_t SharedPrefix(absl::Span<const int32_t> a, absl::Span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  size_t shared = 0;
  while (shared < most && a[shared] == b[shared]) ++shared;
  return shared;
}

size_t IndexOfMax(const std::vector<double>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace

absl::StatusOr<std::vector<ChoiceTask>> ParseChoiceTasks(absl::string_view name,
                                                         absl::string_view text) {
  std::vector<ChoiceTask> tasks;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    GGUF_ASSIGN_OR_RETURN(ChoiceTask task, ParseTask(absl::StrCat(name, ": line ", number), line));
    task.line = number;
    tasks.push_back(std::move(task));
  }
  if (tasks.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " holds no tasks, expected lines such as ",
                     "{\"context\": \"1 + 1 =\", \"choices\": [\" 2\", \" 3\"], \"answer\": 0}"));
  }
  return tasks;
}

absl::Status MoveShots(absl::string_view name, size_t shots, std::vector<ChoiceTask>* tasks) {
  if (shots == 0) return absl::OkStatus();
  if (shots >= tasks->size()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " holds ", tasks->size(),
                                                   " tasks, expected more than the ", shots,
                                                   " that are shown as examples"));
  }
  std::string examples;
  for (size_t i = 0; i < shots; ++i) {
    const ChoiceTask& task = (*tasks)[i];
    absl::StrAppend(&examples, task.context, task.choices[task.answer], "\n\n");
  }
  tasks->erase(tasks->begin(), tasks->begin() + shots);
  for (ChoiceTask& task : *tasks) task.context = absl::StrCat(examples, task.context);
  return absl::OkStatus();
}

absl::StatusOr<EncodedTask> EncodeTask(const Tokenizer& tokenizer, const ChoiceTask& task) {
  EncodeOptions options;
  options.parse_special = false;
  const auto encode = [&](const std::string& text) -> absl::StatusOr<std::vector<int32_t>> {
    GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer.Encode(text, options));
    if (tokenizer.add_eos() && !ids.empty()) ids.pop_back();
    return ids;
  };
  GGUF_ASSIGN_OR_RETURN(const std::vector<int32_t> context, encode(task.context));
  EncodedTask encoded;
  for (const std::string& choice : task.choices) {
    GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids, encode(absl::StrCat(task.context, choice)));
    // Without BOS the first token of all has nothing it could be predicted from.
    const size_t ending = std::max<size_t>(1, SharedPrefix(context, ids));
    if (ending >= ids.size()) {
      return absl::InvalidArgumentError("a choice adds no token to the context");
    }
    encoded.choices.push_back(std::move(ids));
    encoded.ending.push_back(ending);
    encoded.bytes.push_back(choice.size());
  }
  encoded.shared = encoded.ending[0];
  for (size_t i = 1; i < encoded.choices.size(); ++i) {
    encoded.shared = std::min(
        {encoded.shared, encoded.ending[i], SharedPrefix(encoded.choices[0], encoded.choices[i])});
  }
  return encoded;
}

// The shared tokens are run once; each ending is run after them and taken back.
absl::StatusOr<std::vector<double>> ScoreEndings(const EncodedTask& task, Decoder* decoder) {
  const size_t kept = task.shared > 0 ? task.shared - 1 : 0;  // its last one predicts the endings
  if (decoder->cache() != nullptr) GGUF_RETURN_IF_ERROR(decoder->cache()->Truncate(0, 0));
  std::vector<double> scores;
  for (const std::vector<int32_t>& ids : task.choices) {
    const size_t first_ending = task.ending[scores.size()];
    size_t first = kept;
    if (decoder->cache() != nullptr && !decoder->cache()->Truncate(0, kept).ok()) {
      GGUF_RETURN_IF_ERROR(decoder->cache()->Truncate(0, 0));  // a window has moved on
    }
    if (decoder->cache() == nullptr || decoder->cache()->Length(0) != kept) first = 0;
    // The last token's prediction is not asked for.
    const absl::Span<const int32_t> tokens(ids.data() + first, ids.size() - 1 - first);
    std::vector<uint8_t> wanted(tokens.size(), 0);
    std::fill(wanted.begin() + (first_ending - 1 - first), wanted.end(), 1);
    double sum = 0.0;
    GGUF_RETURN_IF_ERROR(
        decoder->Decode(tokens, wanted, 0, [&](size_t index, absl::Span<const float> logits) {
          sum += logits[ids[first + index + 1]] - Normalize(logits).log_sum;
        }));
    if (!std::isfinite(sum)) {
      return absl::FailedPreconditionError(
          absl::StrCat(decoder->model().path(), " gives logits that are no numbers"));
    }
    scores.push_back(sum);
  }
  return scores;
}

void ChoiceResult::Add(const EncodedTask& task, size_t answer, absl::Span<const double> scores) {
  std::vector<double> by_byte, by_token, by_sum(scores.begin(), scores.end());
  for (size_t i = 0; i < scores.size(); ++i) {
    by_byte.push_back(scores[i] / task.bytes[i]);
    by_token.push_back(scores[i] / (task.choices[i].size() - task.ending[i]));
  }
  chance += (1.0 / scores.size() - chance) / (tasks + 1);
  ++tasks;
  right_by_byte += IndexOfMax(by_byte) == answer;
  right_by_token += IndexOfMax(by_token) == answer;
  right_by_sum += IndexOfMax(by_sum) == answer;
}

}  // namespace gguf
