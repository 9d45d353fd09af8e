#include "runtime/evaluate/choice_tasks.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "formats/json.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr size_t kLetters = 26;
constexpr char kExample[] =
    "{\"context\": \"1 + 1 =\", \"choices\": [\" 2\", \" 3\"], \"answer\": 0}";

absl::Status Wrong(absl::string_view where, absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", found, ", expected ", expected));
}

std::string Found(absl::string_view key, const Json* value) {
  return value == nullptr ? absl::StrCat("\"", key, "\" is missing")
                          : absl::StrCat("\"", key, "\" is ", value->Describe());
}

absl::StatusOr<std::string> ParseText(const std::string& where, const Json& json,
                                      absl::string_view key) {
  const Json* value = json.Find(key);
  if (value == nullptr || value->string() == nullptr) {
    return Wrong(where, Found(key, value), "a text");
  }
  return *value->string();
}

absl::StatusOr<std::vector<std::string>> ParseTexts(const std::string& where, const Json& json,
                                                    absl::string_view key) {
  const Json* list = json.Find(key);
  if (list == nullptr || list->array() == nullptr || list->array()->size() < 2 ||
      list->array()->size() > kMaxChoices) {
    return Wrong(where, Found(key, list), absl::StrCat("a list of 2 to ", kMaxChoices, " texts"));
  }
  std::vector<std::string> texts;
  for (const Json& text : *list->array()) {
    if (text.string() == nullptr || text.string()->empty()) {
      return Wrong(where, absl::StrCat("one of \"", key, "\" is ", text.Describe()),
                   "a text, not empty");
    }
    texts.push_back(*text.string());
  }
  return texts;
}

// An index below `count`: a number, or one written as a text.
absl::optional<size_t> IndexOf(const Json* value, size_t count) {
  absl::optional<uint64_t> index;
  if (value != nullptr) index = value->whole_number();
  uint64_t parsed = 0;
  if (value != nullptr && value->string() != nullptr &&
      absl::SimpleAtoi(*value->string(), &parsed)) {
    index = parsed;
  }
  if (!index.has_value() || *index >= count) return absl::nullopt;
  return static_cast<size_t>(*index);
}

absl::StatusOr<size_t> ParseIndex(const std::string& where, const Json& json, absl::string_view key,
                                  size_t count) {
  const Json* value = json.Find(key);
  const absl::optional<size_t> index = IndexOf(value, count);
  if (index.has_value()) return *index;
  return Wrong(where, Found(key, value), absl::StrCat("a number from 0 to ", count - 1));
}

std::string Strip(absl::string_view text) { return std::string(absl::StripAsciiWhitespace(text)); }

std::string Letter(size_t index) { return std::string(1, static_cast<char>('A' + index)); }

absl::StatusOr<ChoiceTask> ParseOwn(const std::string& where, const Json& json) {
  ChoiceTask task;
  GGUF_ASSIGN_OR_RETURN(task.context, ParseText(where, json, "context"));
  GGUF_ASSIGN_OR_RETURN(task.choices, ParseTexts(where, json, "choices"));
  GGUF_ASSIGN_OR_RETURN(task.answer, ParseIndex(where, json, "answer", task.choices.size()));
  return task;
}

absl::StatusOr<ChoiceTask> ParseMmlu(const std::string& where, const Json& json) {
  ChoiceTask task;
  GGUF_ASSIGN_OR_RETURN(const std::string question, ParseText(where, json, "question"));
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> texts, ParseTexts(where, json, "choices"));
  if (texts.size() > kLetters) {
    return Wrong(where, absl::StrCat("\"choices\" are ", texts.size()),
                 absl::StrCat("at most ", kLetters, ", one per letter"));
  }
  task.context = absl::StrCat(Strip(question), "\n");
  for (size_t i = 0; i < texts.size(); ++i) {
    absl::StrAppend(&task.context, Letter(i), ". ", texts[i], "\n");
    task.choices.push_back(absl::StrCat(" ", Letter(i)));
  }
  task.context += "Answer:";
  const std::string* letter = json.FindString("answer");
  if (letter != nullptr && letter->size() == 1 && (*letter)[0] >= 'A' &&
      static_cast<size_t>((*letter)[0] - 'A') < texts.size()) {
    task.answer = (*letter)[0] - 'A';
  } else {
    GGUF_ASSIGN_OR_RETURN(task.answer, ParseIndex(where, json, "answer", texts.size()));
  }
  if (const std::string* subject = json.FindString("subject")) {
    task.preamble =
        absl::StrCat("The following are multiple choice questions (with answers) about ",
                     absl::StrReplaceAll(*subject, {{"_", " "}}), ".\n\n");
  }
  return task;
}

// Without the marks of the texts' origin: "[step]" vanishes, "[title]" ends a sentence.
std::string WithoutMarks(absl::string_view text) {
  const std::string titled =
      absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{" [title]", ". "}});
  std::string plain;
  for (size_t at = 0; at < titled.size();) {
    const size_t open = titled.find('[', at);
    const size_t close = open == std::string::npos ? open : titled.find(']', open);
    plain += titled.substr(at, close == std::string::npos ? close : open - at);
    at = close == std::string::npos ? titled.size() : close + 1;
  }
  return absl::StrReplaceAll(plain, {{"  ", " "}});
}

absl::StatusOr<ChoiceTask> ParseHellaSwag(const std::string& where, const Json& json) {
  ChoiceTask task;
  GGUF_ASSIGN_OR_RETURN(std::string context, ParseText(where, json, "ctx"));
  GGUF_ASSIGN_OR_RETURN(const std::string activity, ParseText(where, json, "activity_label"));
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> endings, ParseTexts(where, json, "endings"));
  const std::string* first = json.FindString("ctx_a");
  const std::string* second = json.FindString("ctx_b");
  if (first != nullptr && second != nullptr) {  // the halves "ctx" was made of
    std::string begun = absl::AsciiStrToLower(*second);
    if (!begun.empty()) begun[0] = absl::ascii_toupper(begun[0]);
    context = absl::StrCat(*first, " ", begun);
  }
  task.context = WithoutMarks(absl::StrCat(activity, ": ", context));
  for (const std::string& ending : endings) {
    task.choices.push_back(absl::StrCat(" ", WithoutMarks(ending)));
  }
  GGUF_ASSIGN_OR_RETURN(task.answer, ParseIndex(where, json, "label", endings.size()));
  return task;
}

// {"text": [...], "label": [...]} of a list of {"text": ..., "label": ...}.
absl::StatusOr<Json> Transposed(const std::string& where, const Json& list) {
  Json::Array texts, labels;
  for (const Json& choice : *list.array()) {
    GGUF_ASSIGN_OR_RETURN(std::string text, ParseText(where, choice, "text"));
    GGUF_ASSIGN_OR_RETURN(std::string label, ParseText(where, choice, "label"));
    texts.push_back(Json(Json::Data(std::move(text))));
    labels.push_back(Json(Json::Data(std::move(label))));
  }
  Json::Object object;
  object.emplace_back("text", Json(Json::Data(std::move(texts))));
  object.emplace_back("label", Json(Json::Data(std::move(labels))));
  return Json(Json::Data(std::move(object)));
}

absl::StatusOr<ChoiceTask> ParseArc(const std::string& where, const Json& json) {
  const Json& asked = json.FindObject("question") != nullptr ? *json.Find("question") : json;
  GGUF_ASSIGN_OR_RETURN(const std::string question,
                        ParseText(where, asked, &asked == &json ? "question" : "stem"));
  const Json* choices = asked.Find("choices");
  Json lists;
  if (choices != nullptr && choices->array() != nullptr) {
    GGUF_ASSIGN_OR_RETURN(lists, Transposed(where, *choices));
  } else if (choices != nullptr && choices->object() != nullptr) {
    lists = *choices;
  } else {
    return Wrong(where, Found("choices", choices), "texts with labels");
  }
  ChoiceTask task;
  task.context = absl::StrCat("Question: ", question, "\nAnswer:");
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> texts, ParseTexts(where, lists, "text"));
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> labels, ParseTexts(where, lists, "label"));
  for (const std::string& text : texts) task.choices.push_back(absl::StrCat(" ", text));
  GGUF_ASSIGN_OR_RETURN(const std::string key, ParseText(where, json, "answerKey"));
  for (task.answer = 0; task.answer < labels.size(); ++task.answer) {
    if (labels[task.answer] == key) break;
  }
  if (task.answer < texts.size()) return task;
  return Wrong(where, Found("answerKey", json.Find("answerKey")), "the label of a choice");
}

// The first shape whose member a line has is the line's; the last has none.
struct Shape {
  absl::string_view member;
  absl::StatusOr<ChoiceTask> (*parse)(const std::string& where, const Json& json);
};
constexpr Shape kShapes[] = {
    {"endings", ParseHellaSwag}, {"answerKey", ParseArc}, {"question", ParseMmlu}, {"", ParseOwn}};

absl::StatusOr<ChoiceTask> ParseTask(const std::string& where, absl::string_view line) {
  const absl::StatusOr<Json> parsed = ParseJsonObject(where, line);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, " is no JSON object, expected a task such as ", kExample));
  }
  const Json& json = *parsed;
  const Shape* shape = kShapes;
  while (!shape->member.empty() && json.Find(shape->member) == nullptr) ++shape;
  return shape->parse(where, json);
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
        absl::StrCat(name, " holds no tasks, expected lines such as ", kExample));
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

}  // namespace gguf
