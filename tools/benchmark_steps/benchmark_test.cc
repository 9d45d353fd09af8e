#include "tools/benchmark_steps/benchmark.h"

#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/benchmark_steps/candidate.h"
#include "tools/benchmark_steps/journal.h"
#include "tools/benchmark_steps/step_clock.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string PathOf(const std::string& name) { return ::testing::TempDir() + "/" + name; }

gguf_toolchain::BenchmarkStep Speed(const std::string& key, double rate) {
  gguf_toolchain::BenchmarkStep step;
  step.set_key(key);
  step.mutable_speed()->set_tokens_per_second(rate);
  return step;
}

TEST(BenchmarkTest, MedianLeastAndMost) {
  const gguf_toolchain::Repeated odd = Summarize({5, 1, 3});
  EXPECT_EQ(odd.median(), 3);
  EXPECT_EQ(odd.least(), 1);
  EXPECT_EQ(odd.most(), 5);
  EXPECT_THAT(odd.values(), ElementsAre(5, 1, 3));
  EXPECT_EQ(Summarize({4, 1, 2, 3}).median(), 2.5);
}

TEST(CandidateTest, NamesAreWhatDiffers) {
  const std::vector<std::string> family = {"a/llama-8b-Q4_K_M.gguf", "llama-8b-Q8_0.gguf"};
  EXPECT_THAT(ShortNames(family), ElementsAre("Q4_K_M", "Q8_0"));
  const std::vector<std::string> split = {"m-Q4_0-00001-of-00003.gguf", "m-Q8_0.gguf"};
  EXPECT_THAT(ShortNames(split), ElementsAre("Q4_0", "Q8_0"));
  const std::vector<std::string> others = {"llama.gguf", "qwen.gguf"};
  EXPECT_THAT(ShortNames(others), ElementsAre("llama", "qwen"));
  const std::vector<std::string> part = {"m.gguf", "m-Q8_0.gguf"};
  EXPECT_THAT(ShortNames(part), ElementsAre("m", "m-Q8_0"));
  const std::vector<std::string> same = {"a/m.gguf", "b/m.gguf"};
  EXPECT_THAT(ShortNames(same), ElementsAre("a/m.gguf", "b/m.gguf"));
  const std::vector<std::string> one = {"a/llama-8b-Q4_K_M.gguf"};
  EXPECT_THAT(ShortNames(one), ElementsAre("llama-8b-Q4_K_M"));
}

TEST(CandidateTest, AnotherFileHasAnotherIdentity) {
  const std::string path = PathOf("identity");
  std::ofstream(path) << "one";
  const std::string one = IdentityOf({path}).value();
  EXPECT_EQ(IdentityOf({path}).value(), one);
  std::ofstream(path) << "three";
  EXPECT_NE(IdentityOf({path}).value(), one);
  EXPECT_TRUE(absl::IsNotFound(IdentityOf({PathOf("absent")}).status()));
}

TEST(JournalTest, WhatWasAddedIsThereAgain) {
  const std::string path = PathOf("kept.journal");
  {
    Journal journal = Journal::Open(path, /*keep=*/false, /*replace=*/true).value();
    ASSERT_TRUE(journal.Add(Speed("a", 1)).ok());
    ASSERT_TRUE(journal.Add(Speed("b", 2)).ok());
    ASSERT_TRUE(journal.Add(Speed("a", 3)).ok());  // in place of the first
    EXPECT_EQ(journal.size(), 2);
  }
  Journal journal = Journal::Open(path, /*keep=*/true, /*replace=*/false).value();
  EXPECT_EQ(journal.Find("a")->speed().tokens_per_second(), 3);
  EXPECT_EQ(journal.Find("c"), nullptr);
  // Neither asked to keep it nor to replace it.
  EXPECT_TRUE(absl::IsAlreadyExists(Journal::Open(path, false, false).status()));
  EXPECT_EQ(Journal::Open(path, false, true).value().size(), 0);
}

TEST(JournalTest, OtherFilesAreRefused) {
  const std::string path = PathOf("bad.journal");
  for (const std::string text : {"", "{}", "{\"steps\": 3}", "{\"schema_version\": 99}"}) {
    std::ofstream(path) << text;
    const absl::Status status = Journal::Open(path, true, false).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("bad.journal"));
  }
}

TEST(StepClockTest, TimeLeftIsAtLeastThatOfKindsThatAreKnown) {
  CommonOptions common;
  common.quiet = true;
  StepClock clock(common);
  for (int i = 0; i < 3; ++i) clock.AddStep("speed");
  clock.AddStep("choice");
  EXPECT_EQ(clock.TimeLeft(), "");
  clock.AddDone("speed", 30);
  EXPECT_EQ(clock.TimeLeft(), "at least 1:30 left");
  clock.AddDone("choice", 10);
  EXPECT_EQ(clock.TimeLeft(), "about 1:40 left");
  clock.Start("choice", "model");
  EXPECT_LT(clock.Stop(), 5);
  EXPECT_EQ(clock.TimeLeft(), "about 1:30 left");
}

}  // namespace
}  // namespace gguf
