#include "runtime/tokenizer/special_splitter.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

// Token texts by "#id", other fragments by themselves.
Texts Describe(const std::vector<Fragment>& fragments) {
  Texts texts;
  for (const Fragment& fragment : fragments) {
    texts.push_back(fragment.token == kNoToken ? std::string(fragment.text)
                                               : "#" + std::to_string(fragment.token));
  }
  return texts;
}

Vocabulary MakeVocabulary(const Texts& tokens, const std::vector<int32_t>& types,
                          absl::string_view architecture = "llama") {
  Metadata metadata;
  metadata.Set(keys::kGeneralArchitecture, architecture);
  metadata.Set(keys::kTokenizerModel, "llama");
  metadata.Set(keys::kTokenizerTokens, tokens);
  metadata.Set(keys::kTokenizerScores, std::vector<float>(tokens.size()));
  metadata.Set(keys::kTokenizerTokenType, types);
  auto vocabulary = Vocabulary::Load(metadata);
  EXPECT_TRUE(vocabulary.ok()) << vocabulary.status();
  return *std::move(vocabulary);
}

TEST(SpecialSplitterTest, FindsMarkersOnlyWhenAsked) {
  const Vocabulary vocabulary = MakeVocabulary({"<unk>", "<s>", "ab", "x", "zz"}, {2, 3, 4, 1, 5});
  const SpecialSplitter splitter(&vocabulary);
  EXPECT_THAT(Describe(splitter.Split("x<s>ab<unk>zz", true)),
              ElementsAre("x", "#1", "#2", "#0", "zz"));
  EXPECT_THAT(Describe(splitter.Split("x<s>abzz", false)), ElementsAre("x<s>", "#2", "zz"));
  EXPECT_THAT(splitter.Split("", true), IsEmpty());
}

TEST(SpecialSplitterTest, LongerTokensGoFirstWhereverTheyStand) {
  const Vocabulary vocabulary = MakeVocabulary({"ab", "bcd", "cdef", "d"}, {4, 4, 4, 4});
  const SpecialSplitter splitter(&vocabulary);
  EXPECT_THAT(Describe(splitter.Split("abcdef", true)), ElementsAre("#0", "#2"));
  EXPECT_THAT(Describe(splitter.Split("abcde", true)), ElementsAre("a", "#1", "e"));
  EXPECT_THAT(Describe(splitter.Split("abd", true)), ElementsAre("#0", "#3"));
}

TEST(SpecialSplitterTest, Phi3sMarkersSwallowWhiteSpace) {
  const Texts tokens = {"<unk>", "<s>", "<|user|>"};
  const Vocabulary phi3 = MakeVocabulary(tokens, {3, 3, 3}, "phi3");
  EXPECT_THAT(Describe(SpecialSplitter(&phi3).Split("<|user|> \n a <s> b<|user|> ", true)),
              ElementsAre("#2", "a ", "#1", " b", "#2"));
  const Vocabulary llama = MakeVocabulary(tokens, {3, 3, 3});
  EXPECT_THAT(Describe(SpecialSplitter(&llama).Split("<|user|> \n a", true)),
              ElementsAre("#2", " \n a"));
}

// Every token in turn, longest first, in what is left over: the definition, quadratic.
Texts SplitSlowly(const Texts& tokens, const std::string& text) {
  std::vector<size_t> order(tokens.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tokens[a].size() > tokens[b].size(); });
  Texts parts = {text};
  for (const size_t id : order) {
    Texts next;
    for (const std::string& part : parts) {
      size_t at = 0;
      const bool is_token = !part.empty() && part[0] == '#';
      for (size_t found; !is_token && (found = part.find(tokens[id], at)) != std::string::npos;) {
        if (found > at) next.push_back(part.substr(at, found - at));
        next.push_back("#" + std::to_string(id));
        at = found + tokens[id].size();
      }
      if (at < part.size()) next.push_back(part.substr(at));
    }
    parts = next;
  }
  return parts;
}

TEST(SpecialSplitterTest, EqualsTheDefinition) {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    Texts tokens;  // of distinct lengths: among equal ones the order is not defined
    for (size_t length = 1; length <= 5; ++length) {
      if (random() % 2 == 0) continue;
      tokens.emplace_back();
      for (size_t i = 0; i < length; ++i) tokens.back() += 'a' + random() % 2;
    }
    if (tokens.empty()) continue;
    const Vocabulary vocabulary = MakeVocabulary(tokens, std::vector<int32_t>(tokens.size(), 4));
    std::string text;
    for (uint32_t n = 1 + random() % 30; n > 0; --n) text += 'a' + random() % 3;
    EXPECT_THAT(Describe(SpecialSplitter(&vocabulary).Split(text, true)),
                ElementsAreArray(SplitSlowly(tokens, text)))
        << text;
  }
}

}  // namespace
}  // namespace gguf
