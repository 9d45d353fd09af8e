#include "formats/pre_tokenizer.h"

#include <string>
#include <vector>

#include "absl/strings/substitute.h"
#include "gguf/io/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json Parse(absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson("test", text);
  EXPECT_TRUE(json.ok()) << json.status();
  return *std::move(json);
}

absl::StatusOr<std::string> Recognize(absl::string_view json, std::vector<std::string>* warnings) {
  return RecognizePreTokenizer("t.json", Parse(json), warnings);
}

TEST(PreTokenizerTest, PublishedFiles) {
  const absl::StatusOr<std::string> text =
      ReadFileToString("testdata/hf/llama3/tokenizer.json", 1 << 20);
  ASSERT_TRUE(text.ok()) << text.status();
  std::vector<std::string> warnings;
  const absl::StatusOr<std::string> name = Recognize(*text, &warnings);
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, "llama-bpe");
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(PreTokenizerTest, WithoutSplits) {
  std::vector<std::string> warnings;
  EXPECT_EQ(*Recognize(R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}})",
                       &warnings),
            "gpt-2");
  EXPECT_EQ(*Recognize(R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                 {"type": "Digits", "individual_digits": true},
                 {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]}})",
                       &warnings),
            "smollm");
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(PreTokenizerTest, WarnsOfWhatGgufCannotSay) {
  std::vector<std::string> warnings;
  EXPECT_TRUE(Recognize(R"({"pre_tokenizer": {"type": "ByteLevel"}, "normalizer": {"type": "NFC"},
                            "model": {"ignore_merges": false}})",
                        &warnings)
                  .ok());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("add_prefix_space")));
  warnings.clear();
  EXPECT_TRUE(Recognize(R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
                            "normalizer": {"type": "Sequence", "normalizers": [
                                {"type": "NFC"}, {"type": "Lowercase"}]},
                            "model": {"ignore_merges": true}})",
                        &warnings)
                  .ok());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("the normalizer Lowercase"),
                                    HasSubstr("model.ignore_merges is true")));
}

TEST(PreTokenizerTest, UnknownOnesArePrinted) {
  const char* kSplit = R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "a+\\d\""}, "behavior": "$0", "invert": false},
      {"type": "ByteLevel", "use_regex": false}]}})";
  std::vector<std::string> warnings;
  const absl::StatusOr<std::string> unknown =
      Recognize(absl::Substitute(kSplit, "Isolated"), &warnings);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(unknown.status().message()),
              HasSubstr("t.json: the pre-tokenizer is none of the known ones: Split(a+\\d\"), "
                        "ByteLevel; if it is the same as a known one, choose that with --pre"));
  for (const char* text :
       {"{}", R"({"pre_tokenizer": null})", R"({"pre_tokenizer": {"type": "Whitespace"}})",
        R"({"pre_tokenizer": {"type": "ByteLevel", "use_regex": false}})",
        R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": " "},
                              "behavior": "Isolated"}})"}) {
    EXPECT_FALSE(Recognize(text, &warnings).ok()) << text;
  }
  EXPECT_THAT(std::string(Recognize(R"({"pre_tokenizer": {"type": "Split", "invert": true,
      "pattern": {"String": "a b"}, "behavior": "MergedWithNext"}})",
                                    &warnings)
                              .status()
                              .message()),
              HasSubstr("Split(the text 'a b', MergedWithNext, inverted);"));
}

TEST(PreTokenizerTest, Names) {
  for (const char* name : {"llama-bpe", "qwen2", "gpt-4o", "gpt-2", "llama3", "starcoder"}) {
    EXPECT_TRUE(CheckPreTokenizerName(name).ok()) << name;
  }
  EXPECT_THAT(std::string(CheckPreTokenizerName("qwen99").message()),
              HasSubstr("the pre-tokenizer 'qwen99' is unknown; known are llama-bpe, qwen2"));
}

}  // namespace
}  // namespace gguf
