#include "runtime/evaluate/choice.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

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
