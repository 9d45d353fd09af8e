#include "tools/cli/cli.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tools/cli/write_command.h"

namespace gguf {
namespace {

int RunProgram(std::vector<const char*> arguments, const std::function<absl::Status()>& body) {
  CLI::App app("A program.", "program");
  CommonOptions options;
  AddCommonOptions(&app, /*has_json=*/true, kLinePerTensor, &options);
  arguments.insert(arguments.begin(), "program");
  return RunTool(&app, static_cast<int>(arguments.size()), const_cast<char**>(arguments.data()),
                 &options, [&] {
                   EXPECT_GE(options.threads, 1);
                   return body();
                 });
}

TEST(CliTest, ExitStatuses) {
  const auto ok = [] { return absl::OkStatus(); };
  EXPECT_EQ(RunProgram({}, ok), 0);
  EXPECT_EQ(RunProgram({"--help"}, [] { return absl::InternalError("not reached"); }), 0);
  EXPECT_EQ(RunProgram({"--version"}, [] { return absl::InternalError("not reached"); }), 0);
  EXPECT_EQ(RunProgram({"--no-such-option"}, ok), 2);
  EXPECT_EQ(RunProgram({"--threads", "-3"}, ok), 2);
  EXPECT_EQ(RunProgram({"--progress", "sometimes"}, ok), 2);
  EXPECT_EQ(RunProgram({"--quiet", "--progress", "never"}, ok), 0);
  EXPECT_EQ(RunProgram({"--quiet", "--progress", "always"}, ok), 2);
  EXPECT_EQ(RunProgram({"--quiet", "--verbose"}, ok), 2);
  EXPECT_EQ(RunProgram({}, [] { return absl::NotFoundError("no such file"); }), 1);
  EXPECT_EQ(RunProgram({}, [] { return UsageError("no type given"); }), 2);
  EXPECT_EQ(RunProgram({}, [] { return FoundDifferences(); }), 1);
}

TEST(CliTest, NamesFromFilesAreMadePrintable) {
  EXPECT_EQ(Printable("plain ümlaut"), "plain ümlaut");
  EXPECT_EQ(Printable("red\x1b[31m"), "red\\x1b[31m");
  EXPECT_EQ(Printable("it's \"so\" \\x1b"), "it's \"so\" \\x1b");
}

TEST(CliTest, OutputNames) {
  EXPECT_EQ(ExpandType("m-{type}.gguf", "Q4_K_M"), "m-Q4_K_M.gguf");
  EXPECT_EQ(DefaultOutput("a/model.gguf"), "a/model-{type}.gguf");
  EXPECT_EQ(DefaultOutput("a/model-00002-of-00003.gguf"), "a/model-{type}.gguf");
  EXPECT_EQ(DefaultOutput("folder/checkpoint//"), "folder/checkpoint-{type}.gguf");
}

}  // namespace
}  // namespace gguf
