#include "runtime/evaluate/choice.h"

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
      {"{\"context\": \"a\", \"choices\": [\" b\", 3], \"answer\": 0}", "a choice is 3"},
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

TEST(ChoiceResult, ComparesByByteTokenAndSum) {
  EncodedTask task;
  task.choices = {{1, 2, 3}, {1, 2, 3, 4, 5}};  // endings of 2 and 4 tokens
  task.ending = {1, 1};
  task.bytes = {2, 20};
  ChoiceResult result;
  result.Add(task, 0, {-2.0, -4.4});  // by byte the second, else the first
  EXPECT_EQ(result.tasks, 1u);
  EXPECT_EQ(result.right_by_byte, 0u);
  EXPECT_EQ(result.right_by_token, 1u);
  EXPECT_EQ(result.right_by_sum, 1u);
  result.Add(task, 1, {-2.0, -3.6});  // by token the second too
  EXPECT_EQ(result.right_by_byte, 1u);
  EXPECT_EQ(result.right_by_token, 2u);
  EXPECT_EQ(result.right_by_sum, 1u);
  EXPECT_EQ(result.chance, 0.5);
}

}  // namespace
}  // namespace gguf
