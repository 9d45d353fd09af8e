#include "tools/provenance/statement.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Digest(char digit) { return std::string(64, digit); }

Statement Example() {
  Statement statement;
  statement.program = "quantize";
  statement.version = "0.1.0";
  statement.options = {{"INPUT", {"in.gguf"}}, {"type", {"Q4_K_M", "Q8_0"}}};
  statement.type = "Q4_K_M";
  statement.effort = "max";
  statement.subjects = {{"out.gguf", Digest('1')}};
  statement.dependencies = {{"im.gguf", Digest('a')}, {"in.gguf", Digest('2')}};
  statement.tensors = {{"token_embd.weight", "Q4_K", "F16", Digest('3'), 0.0625, 0.5},
                       {"output_norm.weight", "F32", "", Digest('4'), {}, {}}};
  return statement;
}

TEST(Statement, RoundTrips) {
  const std::string text = EncodeStatement(Example());
  const auto read = ParseStatement("s.json", text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->options, Example().options);
  EXPECT_EQ(read->effort, "max");
  ASSERT_EQ(read->dependencies.size(), 2u);
  EXPECT_EQ(read->dependencies[1].name, "in.gguf");
  EXPECT_EQ(read->tensors[0].relative_rmse, 0.0625);
  EXPECT_EQ(read->tensors[1].max_abs_error, absl::nullopt);
  Statement again = *read;
  again.version = "0.1.0";  // which readers have no use for
  EXPECT_EQ(EncodeStatement(again), text);
}

TEST(Statement, HasThePublishedMembers) {
  const std::string text = EncodeStatement(Example());
  EXPECT_THAT(text, HasSubstr("\"_type\": \"https://in-toto.io/Statement/v1\""));
  EXPECT_THAT(text, HasSubstr("\"predicateType\": \"https://slsa.dev/provenance/v1\""));
  EXPECT_THAT(text, Not(HasSubstr("finishedOn")));
  Statement dated = Example();
  dated.finished = "2026-01-31T12:00:00Z";
  EXPECT_THAT(EncodeStatement(dated), HasSubstr("\"finishedOn\": \"2026-01-31T12:00:00Z\""));
}

TEST(Statement, ErrorsNameTheMember) {
  const std::string good = EncodeStatement(Example());
  const struct {
    std::string from, to, says;
  } kCases[] = {
      {"in-toto.io/Statement/v1", "in-toto.io/Statement/v2", "\"_type\" is the text"},
      {"slsa.dev/provenance/v1", "slsa.dev/other", "\"predicateType\""},
      {"gguf-toolchain:write", "other:write", "\"buildType\""},
      {"\"subject\"", "\"object\"", "\"subject\" is missing, expected a list"},
      {Digest('1'), Digest('G'), "\"subject.digest.sha256\""},
      {Digest('2'), "22", "expected 64 lower-case hexadecimal digits"},
      {"\"type\": \"Q4_K\"", "\"type\": 12", "\"annotations.type\" is 12"},
      {"0.0625", "\"small\"", "\"relative_rmse\""},
      {"\"Q8_0\"", "8", "\"type\" is 8, expected texts"},
      {"\"runDetails\"", "\"walkDetails\"", "\"runDetails\" is missing"},
  };
  for (const auto& test : kCases) {
    const std::string bad = absl::StrReplaceAll(good, {{test.from, test.to}});
    ASSERT_NE(bad, good) << test.from;
    const auto read = ParseStatement("s.json", bad);
    ASSERT_FALSE(read.ok()) << test.from;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(test.says));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("s.json"));
  }
  EXPECT_FALSE(ParseStatement("s.json", "").ok());
  EXPECT_FALSE(ParseStatement("s.json", std::string(100000, '[')).ok());
}

TEST(Statement, PathsOfShardsAndCompressedFiles) {
  EXPECT_EQ(StatementPath("a/out.gguf"), "a/out.gguf.provenance.json");
  EXPECT_EQ(StatementPath("out.gguf.zst"), "out.gguf.provenance.json");
  EXPECT_EQ(StatementPath("out-00002-of-00003.gguf"), "out.gguf.provenance.json");
  EXPECT_EQ(StatementPath("out-00002-of-00003.gguf.zst"), "out.gguf.provenance.json");
  EXPECT_EQ(StatementPath("model"), "model.provenance.json");
}

TEST(Statement, TimeComesFromTheEnvironment) {
  EXPECT_EQ(*TimeOfEpoch(nullptr), "");
  EXPECT_EQ(*TimeOfEpoch("0"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(*TimeOfEpoch("1700000000"), "2023-11-14T22:13:20Z");
  for (const char* bad : {"", "x", "-1", "99999999999999"}) {
    EXPECT_THAT(std::string(TimeOfEpoch(bad).status().message()), HasSubstr("SOURCE_DATE_EPOCH"));
  }
}

}  // namespace
}  // namespace gguf
