#include "runtime/evaluate/choice_tasks.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

constexpr char kGood[] =
    "{\"context\": \"a\", \"choices\": [\" b\", \" c\"], \"answer\": 1, \"id\": 7}";

TEST(ParseChoiceTasks, ReadsLines) {
  const auto tasks = ParseChoiceTasks("t", absl::StrCat(kGood, "\r\n\n  \n", kGood));
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 2u);
  EXPECT_EQ((*tasks)[0].context, "a");
  EXPECT_EQ((*tasks)[0].choices[1], " c");
  EXPECT_EQ((*tasks)[0].answer, 1u);
  EXPECT_EQ((*tasks)[0].line, 1u);
  EXPECT_EQ((*tasks)[1].line, 4u);
}

TEST(ParseChoiceTasks, BrokenLinesAreNamed) {
  struct Case {
    const char* line;
    const char* mentions;
  };
  const Case cases[] = {
      {"{", "line 2"},
      {"[1]", "line 2"},
      {"{\"choices\": [\" b\", \" c\"], \"answer\": 1}", "\"context\" is missing"},
      {"{\"context\": 5, \"choices\": [\" b\", \" c\"], \"answer\": 1}", "\"context\" is 5"},
      {"{\"context\": \"a\", \"answer\": 1}", "\"choices\" is missing"},
      {"{\"context\": \"a\", \"choices\": [\" b\"], \"answer\": 0}", "2 to"},
      {"{\"context\": \"a\", \"choices\": [\" b\", 3], \"answer\": 0}", "one of \"choices\" is 3"},
      {"{\"context\": \"a\", \"choices\": [\" b\", \"\"], \"answer\": 0}", "not empty"},
      {"{\"context\": \"a\", \"choices\": [\" b\", \" c\"]}", "\"answer\" is missing"},
      {"{\"context\": \"a\", \"choices\": [\" b\", \" c\"], \"answer\": 2}", "from 0 to 1"},
      {"{\"context\": \"a\", \"choices\": [\" b\", \" c\"], \"answer\": -1}", "from 0 to 1"},
      {"{\"context\": \"a\", \"choices\": [\" b\", \" c\"], \"answer\": \"A\"}", "from 0 to 1"},
  };
  for (const Case& test : cases) {
    const absl::Status status =
        ParseChoiceTasks("tasks.jsonl", absl::StrCat(kGood, "\n", test.line)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.line;
    EXPECT_NE(status.message().find("tasks.jsonl: line 2"), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find(test.mentions), absl::string_view::npos) << status;
  }
  EXPECT_FALSE(ParseChoiceTasks("tasks.jsonl", "\n \n").ok());
}

TEST(MoveShots, PutsSolvedTasksInFront) {
  auto tasks = ParseChoiceTasks("t", absl::StrCat(kGood, "\n", kGood, "\n", kGood));
  ASSERT_TRUE(tasks.ok());
  ASSERT_TRUE(MoveShots("t", 2, &*tasks).ok());
  ASSERT_EQ(tasks->size(), 1u);
  EXPECT_EQ((*tasks)[0].context, "a c\n\na c\n\na");
  EXPECT_EQ((*tasks)[0].line, 3u);
  EXPECT_FALSE(MoveShots("t", 1, &*tasks).ok());
}

struct ShapeCase {
  const char* line;
  const char* prompt;
  std::vector<std::string> choices;
  size_t answer;
};

TEST(ParseChoiceTasks, ReadsTheShapesOfKnownTests) {
  const ShapeCase cases[] = {
      {R"({"question": " What is 2+2? ", "subject": "elementary_mathematics",
           "choices": ["3", "4", "5", "6"], "answer": 1})",
       "The following are multiple choice questions (with answers) about elementary mathematics."
       "\n\nWhat is 2+2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:",
       {" A", " B", " C", " D"},
       1},
      {R"({"question": "Yes?", "choices": ["no", "yes"], "answer": "B"})",
       "Yes?\nA. no\nB. yes\nAnswer:",
       {" A", " B"},
       1},
      {R"({"activity_label": "Roof shingle removal", "ctx_a": "A man is sitting on a roof.",
           "ctx_b": "he", "ctx": "A man is sitting on a roof. he", "label": "3", "ind": 24,
           "endings": ["is using wrap.", "is ripping  tiles off.", "holds [substeps] a cube.",
                       "starts pulling."]})",
       "Roof shingle removal: A man is sitting on a roof. He",
       {" is using wrap.", " is ripping tiles off.", " holds a cube.", " starts pulling."},
       3},
      {R"({"activity_label": "Health", "ctx": "[header] How to cope [title] Rest. [step] Sleep [",
           "endings": ["a", "b"], "label": 0})",
       "Health: How to cope. Rest. Sleep [",
       {" a", " b"},
       0},
      {R"({"id": "Mercury_7", "question": "Which is a gas?", "answerKey": "C",
           "choices": {"text": ["iron", "salt", "neon"], "label": ["A", "B", "C"]}})",
       "Question: Which is a gas?\nAnswer:",
       {" iron", " salt", " neon"},
       2},
      {R"({"id": "Mercury_7", "answerKey": "1", "question": {"stem": "Which is a gas?",
           "choices": [{"text": "neon", "label": "1"}, {"text": "salt", "label": "2"}]}})",
       "Question: Which is a gas?\nAnswer:",
       {" neon", " salt"},
       0},
  };
  for (const ShapeCase& test : cases) {
    std::string line = test.line;  // on one line
    for (char& c : line) c = c == '\n' ? ' ' : c;
    const auto tasks = ParseChoiceTasks("t", line);
    ASSERT_TRUE(tasks.ok()) << tasks.status();
    EXPECT_EQ((*tasks)[0].prompt(), test.prompt);
    EXPECT_EQ((*tasks)[0].choices, test.choices);
    EXPECT_EQ((*tasks)[0].answer, test.answer);
  }
}

TEST(ParseChoiceTasks, BrokenLinesOfKnownTestsAreNamed) {
  const struct {
    const char* line;
    const char* mentions;
  } cases[] = {
      {R"({"question": "q", "choices": ["a", "b"], "answer": "C"})", "from 0 to 1"},
      {R"({"question": "q", "choices": "ab", "answer": 0})", "\"choices\" is the text"},
      {R"({"question": 4, "choices": ["a", "b"], "answer": 0})", "\"question\" is 4"},
      {R"({"activity_label": "x", "ctx": "c", "endings": ["a", "b"], "label": ""})",
       "\"label\" is"},
      {R"({"activity_label": "x", "ctx": "c", "endings": ["a"], "label": "0"})", "2 to"},
      {R"({"ctx": "c", "endings": ["a", "b"], "label": "0"})", "\"activity_label\" is missing"},
      {R"({"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "E"})",
       "the label of a choice"},
      {R"({"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B", "E"]},
           "answerKey": "E"})",
       "the label of a choice"},
      {R"({"question": {"stem": "q", "choices": [{"text": "a"}]}, "answerKey": "A"})",
       "\"label\" is missing"},
      {R"({"question": "q", "answerKey": "A"})", "\"choices\" is missing"},
  };
  for (const auto& test : cases) {
    std::string line = test.line;
    for (char& c : line) c = c == '\n' ? ' ' : c;
    const absl::Status status = ParseChoiceTasks("tasks.jsonl", absl::StrCat("\n", line)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.line;
    EXPECT_NE(status.message().find("tasks.jsonl: line 2"), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find(test.mentions), absl::string_view::npos) << status;
  }
}

TEST(MoveShots, WhatATestOpensWithIsSaidOnce) {
  const std::string line =
      R"({"question": "q", "choices": ["x", "y"], "answer": 1, "subject": "art"})";
  auto tasks = ParseChoiceTasks("t", absl::StrCat(line, "\n", line));
  ASSERT_TRUE(tasks.ok());
  ASSERT_TRUE(MoveShots("t", 1, &*tasks).ok());
  EXPECT_EQ((*tasks)[0].prompt(),
            "The following are multiple choice questions (with answers) about art.\n\n"
            "q\nA. x\nB. y\nAnswer: B\n\nq\nA. x\nB. y\nAnswer:");
}

}  // namespace
}  // namespace gguf
