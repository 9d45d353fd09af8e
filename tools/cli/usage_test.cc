#include "tools/cli/usage.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

// What is said of `words`, of a program with the options --tensor-type and --effort, or with the
// commands inspect (which has those) and verify.
std::string Mistake(bool has_commands, std::vector<const char*> words) {
  CLI::App app("A program.", "program");
  std::string text;
  CLI::App* owner = &app;
  if (has_commands) {
    app.add_subcommand("verify", "");
    owner = app.add_subcommand("inspect", "");
  }
  owner->add_option("--tensor-type", text, "");
  owner->add_option("--effort", text, "");
  words.insert(words.begin(), "program");
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    return UsageMistake(app, error);
  }
  return "";
}

TEST(UsageTest, SuggestsWhatIsNearEnough) {
  const std::vector<std::string> known = {"perplexity", "logits", "kl"};
  EXPECT_EQ(Suggestion("perplexit", known), "perplexity");
  EXPECT_EQ(Suggestion("Logit", known), "logits");
  EXPECT_EQ(Suggestion("lgoits", known), "logits");
  EXPECT_EQ(Suggestion("perp", known), "");
  EXPECT_EQ(Suggestion("x", known), "");
  EXPECT_EQ(Suggestion("", known), "");
  EXPECT_EQ(Suggestion(std::string(1 << 20, 'x'), known), "");
}

TEST(UsageTest, UnknownOptionsAndWordsInTheirOrder) {
  EXPECT_EQ(Mistake(false, {"--efort", "max"}), "unknown option '--efort'; did you mean --effort?");
  EXPECT_EQ(Mistake(false, {"--tensor-typ=a=b"}),
            "unknown option '--tensor-typ=a=b'; did you mean --tensor-type?");
  EXPECT_EQ(Mistake(false, {"a", "-b", "c"}), "unexpected 'a -b c'");
  EXPECT_EQ(Mistake(true, {"inspect", "--efort"}),
            "unknown option '--efort'; did you mean --effort?");
}

TEST(UsageTest, CommandsAreListed) {
  EXPECT_EQ(Mistake(true, {"verfy", "x"}),
            "unknown command 'verfy'; the commands are verify, inspect; did you mean verify?");
  EXPECT_EQ(Mistake(true, {"-m", "x"}), "no command given; the commands are verify, inspect");
}

TEST(UsageTest, OtherMistakesAreTheParsersOwn) {
  EXPECT_THAT(Mistake(false, {"--effort"}), HasSubstr("--effort"));
}

}  // namespace
}  // namespace gguf
