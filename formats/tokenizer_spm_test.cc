#include "formats/tokenizer_spm.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/tokenizer_json.h"
#include "gguf/io/file.h"
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

TokenType TypeOf(const TokenList& list, size_t id) {
  return static_cast<TokenType>(list.types[id]);
}

TEST(TokenList, TellsSpecialTexts) {
  for (const char* text : {"<pad>", "<mask>", "<2mass>", "[@BOS@]", "<|x|>", "<||>", "<unused7>",
                           "<\xEF\xBD\x9Cx\xEF\xBD\x9C>"}) {
    EXPECT_TRUE(LooksSpecial(text)) << text;
  }
  for (const char* text : {"", "<", "<|>", "<s>", "<unk>", "<unused", "x<|y|>", "<|y|>x"}) {
    EXPECT_FALSE(LooksSpecial(text)) << text;
  }
}

TEST(TokenList, PadsWithTextsThatAreFree) {
  absl::StatusOr<TokenList> list = TokenList::Create(4);
  ASSERT_TRUE(list.ok());
  list->Set(0, "[PAD3]", 1, TokenType::kNormal);
  list->Set(2, "a", 2, TokenType::kNormal);
  ASSERT_TRUE(list->Finish().ok());
  EXPECT_EQ(list->texts, (std::vector<std::string>{"[PAD3]", "[PAD1]", "a", "[PAD3]_"}));
  EXPECT_EQ(list->scores[1], kPaddingScore);
  EXPECT_EQ(TypeOf(*list, 1), TokenType::kUnused);
}

TEST(TokenList, RefusesEqualTextsAndAbsurdSizes) {
  absl::StatusOr<TokenList> list = TokenList::Create(3);
  list->Set(0, "a", 0, TokenType::kNormal);
  list->Set(2, "a", 0, TokenType::kNormal);
  EXPECT_THAT(std::string(list->Finish().message()),
              HasSubstr("tokens 0 and 2 have the same text \"a\""));
  EXPECT_TRUE(TokenList::Create(kMaxVocabulary).ok());
  EXPECT_FALSE(TokenList::Create(kMaxVocabulary + 1).ok());
}

TEST(TokenizerSpm, PiecesThenAddedTokensThenTheirDecoder) {
  SentencePieceModel model;
  model.pieces = {{"<unk>", 0, TokenType::kUnknown},
                  {"\xE2\x96\x81user", -1, TokenType::kUserDefined},
                  {"b", -2, TokenType::kNormal},
                  {"beyond", -3, TokenType::kNormal}};
  std::vector<std::string> warnings;
  absl::StatusOr<TokenList> list = TokensOfSentencePiece(model, 3, &warnings);
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(warnings.size(), 1);
  EXPECT_THAT(warnings[0], HasSubstr("1 tokens from \"beyond\" on"));
  EXPECT_EQ(TypeOf(*list, 1), TokenType::kUserDefined);
  EXPECT_EQ(list->texts[1], "\xE2\x96\x81user");

  list = TokensOfSentencePiece(model, 8, &warnings);
  TokenizerFiles files;
  files.folder = "f";
  files.added_tokens = Parse(R"({"added": 5, "later": 6, "far": 99})");
  files.config = Parse(R"({"added_tokens_decoder": {
      "0": {"content": "<unk>", "special": true}, "6": {"content": "▁x▁", "special": false},
      "7": {"content": "<|end|>"}, "100": {"content": "y"}}})");
  warnings.clear();
  ASSERT_TRUE(SetAddedTokens(files, false, &*list, &warnings).ok());
  EXPECT_EQ(warnings.size(), 2);
  EXPECT_EQ(TypeOf(*list, 0), TokenType::kControl);
  EXPECT_EQ(list->scores[0], -1000.0f);
  EXPECT_EQ(list->texts[5], "added");
  EXPECT_EQ(TypeOf(*list, 5), TokenType::kUserDefined);
  EXPECT_EQ(list->texts[6], " x ");
  EXPECT_EQ(TypeOf(*list, 6), TokenType::kUserDefined);
  EXPECT_EQ(TypeOf(*list, 7), TokenType::kControl);
  EXPECT_EQ(list->texts[3], "beyond");
}

TEST(TokenizerSpm, RefusesMalformedAddedTokens) {
  const struct {
    const char* added;
    const char* config;
  } kCases[] = {
      {R"({"a": "5"})", "{}"},
      {R"({"a": -5})", "{}"},
      {R"({"": 5})", "{}"},
      {"{}", R"({"added_tokens_decoder": {"x": {"content": "a"}}})"},
      {"{}", R"({"added_tokens_decoder": {"1": {}}})"},
      {"{}", R"({"added_tokens_decoder": {"1": {"content": ""}}})"},
      {"{}", R"({"added_tokens_decoder": {"1": 2}})"},
  };
  for (const auto& test : kCases) {
    absl::StatusOr<TokenList> list = TokenList::Create(8);
    TokenizerFiles files;
    files.added_tokens = Parse(test.added);
    files.config = Parse(test.config);
    std::vector<std::string> warnings;
    EXPECT_FALSE(SetAddedTokens(files, false, &*list, &warnings).ok()) << test.added << test.config;
  }
}

TEST(TokenizerSpm, RefusesMalformedTokenizerJson) {
  const struct {
    const char* json;
    const char* message;
  } kCases[] = {
      {"{}", "has no model.vocab"},
      {R"({"model": {"vocab": {"a": 0}}})", "has no model.merges"},
      {R"({"model": {"vocab": {"a": 4}, "merges": []}})", "token \"a\" has the id 4"},
      {R"({"model": {"vocab": {"a": "0"}, "merges": []}})", "has the id the text \"0\""},
      {R"({"model": {"vocab": {"": 0}, "merges": []}})", "token \"\" has the id 0"},
      {R"({"model": {"vocab": {}, "merges": ["ab"]}})", "model.merges holds the text \"ab\""},
      {R"({"model": {"vocab": {}, "merges": ["a b c"]}})", "model.merges holds"},
      {R"({"model": {"vocab": {}, "merges": [["a"]]}})", "model.merges holds a list"},
      {R"({"model": {"vocab": {}, "merges": []}, "added_tokens": [{"content": "x"}]})",
       "token \"x\" has the id nothing"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<TokenList> list = TokensOfTokenizerJson("t.json", Parse(test.json), 4);
    ASSERT_FALSE(list.ok()) << test.json;
    EXPECT_THAT(std::string(list.status().message()), HasSubstr(test.message));
  }
}

// tokenizer.json alone must give what tokenizer.model gives: the same texts and types, and scores
// in the same order (SentencePiece breaks ties by position, so order is all that matters).
TEST(TokenizerSpm, RebuildsThePublishedVocabulary) {
  const auto read = [](const char* name) {
    absl::StatusOr<std::string> bytes =
        ReadFileToString(absl::StrCat("testdata/hf/llama/", name), 1 << 20);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return *bytes;
  };
  const absl::StatusOr<SentencePieceModel> model =
      ParseSentencePieceModel("tokenizer.model", read("tokenizer.model"));
  ASSERT_TRUE(model.ok()) << model.status();
  const Json json = Parse(read("tokenizer.json"));
  ASSERT_EQ(KindOf(json), TokenizerJsonKind::kSentencePieceBpe);
  const absl::StatusOr<TokenList> list = TokensOfTokenizerJson("tokenizer.json", json, 640);
  ASSERT_TRUE(list.ok()) << list.status();

  std::map<float, float> rebuilt_of;  // merged pieces: score in the model -> score rebuilt
  for (size_t id = 0; id < 640; ++id) {
    const SentencePieceModel::Piece& piece = model->pieces[id];
    EXPECT_EQ(list->texts[id], piece.text);
    if (id < 3) {
      EXPECT_EQ(TypeOf(*list, id), TokenType::kControl);
      continue;
    }
    EXPECT_EQ(TypeOf(*list, id), piece.type) << id;
    const bool is_one_character = id >= 640 - 19;  // informative only: their scores do not matter
    if (piece.type == TokenType::kNormal && list->scores[id] < 0 && !is_one_character) {
      rebuilt_of[piece.score] = list->scores[id];
    }
  }
  EXPECT_GT(rebuilt_of.size(), 200);
  float last = -1e30f;
  for (const auto& [score, rebuilt] : rebuilt_of) {
    EXPECT_GT(rebuilt, last) << score;
    last = rebuilt;
  }
}

}  // namespace
}  // namespace gguf
