// Byte-level BPE and WordPiece vocabularies, and what all tokenizer.json have in common. Whole
// files are compared in checkpoint_golden_test.cc.

#include <string>
#include <vector>

#include "formats/tokenizer_bpe.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_wordpiece.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

Json Parse(absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson("test", text);
  EXPECT_TRUE(json.ok()) << json.status();
  return *std::move(json);
}

TEST(TokenizerJson, TellsKindsOfTokenizerJson) {
  const struct {
    const char* json;
    TokenizerJsonKind kind;
  } kCases[] = {
      {R"({"model": {"type": "BPE", "byte_fallback": true}, "decoder": {"type": "Sequence"}})",
       TokenizerJsonKind::kSentencePieceBpe},
      {R"({"model": {"merges": [], "byte_fallback": true}})", TokenizerJsonKind::kSentencePieceBpe},
      {R"({"model": {"type": "BPE"}, "decoder": {"type": "ByteLevel"}})",
       TokenizerJsonKind::kByteLevelBpe},
      {R"({"model": {"type": "BPE", "byte_fallback": true},
           "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}]}})",
       TokenizerJsonKind::kByteLevelBpe},
      {R"({"model": {"type": "WordPiece"}})", TokenizerJsonKind::kWordPiece},
      {R"({"model": {"type": "Unigram"}})", TokenizerJsonKind::kUnigram},
      {R"({"model": {"type": "BPE"}})", TokenizerJsonKind::kOther},
      {R"({"model": 1})", TokenizerJsonKind::kOther},
      {"{}", TokenizerJsonKind::kOther},
  };
  for (const auto& test : kCases) EXPECT_EQ(KindOf(Parse(test.json)), test.kind) << test.json;
}

TokenizerFiles BpeFiles(absl::string_view tokenizer) {
  TokenizerFiles files;
  files.folder = "f";
  files.tokenizer = Parse(tokenizer);
  return files;
}

TEST(TokenizerBpe, TypesAndMerges) {
  const TokenizerFiles files = BpeFiles(R"({
      "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
                "merges": [["a", "b"], ["a ", " b"], "ab a"]},
      "added_tokens": [{"id": 3, "content": "<|end|>"}, {"id": 4, "content": "x▁y"},
                       {"id": 0, "content": "S", "special": true}]})");
  const absl::StatusOr<BpeVocabulary> vocabulary = ReadByteLevelBpe(files, 6);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->list.texts,
            (std::vector<std::string>{"S", "b", "ab", "<|end|>", "x y", ""}));
  EXPECT_EQ(vocabulary->list.types, (std::vector<int32_t>{3, 1, 1, 3, 4, 5}));
  EXPECT_EQ(vocabulary->merges, (std::vector<std::string>{"a b",
                                                          "a\xC4\xA0 \xC4\xA0"
                                                          "b",
                                                          "ab a"}));
}

TEST(TokenizerBpe, MergesFromTheirOwnFile) {
  TokenizerFiles files = BpeFiles(R"({"model": {"type": "BPE", "vocab": {"a": 0}}})");
  files.merges = "#version: 0.2\na b\r\n# #\n\n";
  const absl::StatusOr<BpeVocabulary> vocabulary = ReadByteLevelBpe(files, 1);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->merges, (std::vector<std::string>{"a b", "# #"}));
  for (const char* text : {"ab\n", " a\n", "a \n", "a b c\n"}) {
    files.merges = text;
    EXPECT_THAT(std::string(ReadByteLevelBpe(files, 1).status().message()),
                HasSubstr("f/merges.txt: holds the line"))
        << text;
  }
  files.merges.reset();
  EXPECT_THAT(std::string(ReadByteLevelBpe(files, 1).status().message()),
              HasSubstr("f/tokenizer.json: has no model.merges"));
}

TEST(TokenizerBpe, RefusesIdsBeyondTheEmbedding) {
  const TokenizerFiles files =
      BpeFiles(R"({"model": {"type": "BPE", "vocab": {"a": 7}, "merges": []}})");
  EXPECT_THAT(std::string(ReadByteLevelBpe(files, 7).status().message()),
              HasSubstr("below the model's vocab_size 7"));
}

TEST(TokenizerWordPiece, TextsAndFlags) {
  const TokenizerFiles files = BpeFiles(R"({
      "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null},
      "model": {"type": "WordPiece", "vocab": {"[CLS]": 0, "the": 1, "##ing": 2, "##": 3}},
      "added_tokens": [{"id": 0, "content": "[CLS]", "special": true}]})");
  std::vector<std::string> warnings;
  absl::StatusOr<WordPieceVocabulary> vocabulary = ReadWordPiece(files, 5, &warnings);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->lowercase, true);
  EXPECT_EQ(vocabulary->strip_accents, absl::nullopt);
  ASSERT_TRUE(FinishWordPiece(&vocabulary->list).ok());
  EXPECT_EQ(vocabulary->list.texts,
            (std::vector<std::string>{"[CLS]", "▁the", "ing", "▁##", "▁[PAD4]"}));
}

TEST(TokenizerWordPiece, FromVocabTxt) {
  TokenizerFiles files;
  files.folder = "f";
  files.word_pieces = "[PAD]\nthe\r\n##s\n";
  files.config = Parse(R"({"do_lower_case": false, "strip_accents": true,
                           "added_tokens_decoder": {"0": {"content": "[PAD]", "special": true}}})");
  std::vector<std::string> warnings;
  absl::StatusOr<WordPieceVocabulary> vocabulary = ReadWordPiece(files, 3, &warnings);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_EQ(vocabulary->lowercase, false);
  EXPECT_EQ(vocabulary->strip_accents, true);
  ASSERT_TRUE(FinishWordPiece(&vocabulary->list).ok());
  EXPECT_EQ(vocabulary->list.texts, (std::vector<std::string>{"[PAD]", "▁the", "s"}));

  EXPECT_THAT(std::string(ReadWordPiece(files, 2, &warnings).status().message()),
              HasSubstr("f/vocab.txt: line 3 is \"##s\""));
  files.word_pieces = "a\n\nb\n";
  EXPECT_THAT(std::string(ReadWordPiece(files, 8, &warnings).status().message()),
              HasSubstr("line 2 is \"\""));
}

}  // namespace
}  // namespace gguf
