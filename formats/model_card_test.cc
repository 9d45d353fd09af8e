#include "formats/model_card.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gguf/metadata.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Texts = std::vector<std::string>;

TEST(FrontMatter, TextsAndLists) {
  EXPECT_THAT(ParseFrontMatter("\xEF\xBB\xBF---\r\n"
                               "license: apache-2.0  # a comment\r\n"
                               "language:\n- en\n- no\n"
                               "tags:\n  - 'it''s'\n  # between\n\n  - \"a \\\"b\\\" \\\\\"\n"
                               "datasets: [a/b, \"c, d\" , 'e']\n"
                               "base_model: https://example.org/#part\n"
                               "---\nlicense: not this\n"),
              ElementsAre(Pair("license", Texts{"apache-2.0"}), Pair("language", Texts{"en", "no"}),
                          Pair("tags", Texts{"it's", "a \"b\" \\"}),
                          Pair("datasets", Texts{"a/b", "c, d", "e"}),
                          Pair("base_model", Texts{"https://example.org/#part"})));
}

TEST(FrontMatter, WhatItDoesNotUnderstandIsPassedOver) {
  EXPECT_THAT(ParseFrontMatter("---\n"
                               "model-index:\n- name: x\n  results:\n  - task:\n      type: y\n"
                               "widget:\n  - text: \"a\"\n"
                               "description: >\n  folded\n  text\n"
                               "anchor: &a b\n"
                               "object: {a: b}\n"
                               "lists: [[a], b]\n"
                               "open: [a, b\n"
                               "quote: 'no end\n"
                               "more: 'text' text\n"
                               "mixed:\n- a\n  - b\n"
                               "text_and_list: a\n- b\n"
                               "nothing:\nnull_text: null\nempty: []\n"
                               "a key: c\n"
                               "last: kept\n---\n"),
              ElementsAre(Pair("last", Texts{"kept"})));
}

TEST(FrontMatter, CardsWithout) {
  for (const char* card : {"", "---", "---\n", "# Title\n---\nlicense: mit\n---\n",
                           "---\nlicense: mit\n", "--- \n---\n", " ---\nlicense: mit\n---\n"}) {
    EXPECT_THAT(ParseFrontMatter(card), IsEmpty()) << card;
  }
}

TEST(ModelCard, BecomesMetadata) {
  Metadata metadata;
  SetModelCard(
      "---\nlicense: [mit, other]\nlicense_name: a name\nlanguage: en\npipeline_tag: text\n"
      "tags:\n- chat\nbase_model:\n- some-org/tiny-model\n- alone\n"
      "- https://huggingface.co/org/other\n- https://example.org/x\n"
      "datasets: org/words\n---\n",
      &metadata);
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [key, value] : metadata.entries()) {
    if (const auto* text = std::get_if<std::string>(&value.data)) texts.emplace_back(key, *text);
  }
  EXPECT_THAT(
      texts,
      ElementsAre(
          Pair("general.license", "mit,other"), Pair("general.license.name", "a name"),
          Pair("general.base_model.0.name", "Tiny Model"),
          Pair("general.base_model.0.organization", "Some Org"),
          Pair("general.base_model.0.repo_url", "https://huggingface.co/some-org/tiny-model"),
          Pair("general.base_model.1.name", "Alone"),
          Pair("general.base_model.2.repo_url", "https://huggingface.co/org/other"),
          Pair("general.base_model.2.name", "Other"),
          Pair("general.base_model.2.organization", "Org"),
          Pair("general.base_model.3.repo_url", "https://example.org/x"),
          Pair("general.dataset.0.name", "Words"), Pair("general.dataset.0.organization", "Org"),
          Pair("general.dataset.0.repo_url", "https://huggingface.co/org/words")));
  EXPECT_EQ(*metadata.Find("general.tags"), Value(Texts{"chat", "text"}));
  EXPECT_EQ(*metadata.Find("general.languages"), Value(Texts{"en"}));
  EXPECT_EQ(*metadata.Find("general.base_model.count"), Value(uint32_t{4}));
  EXPECT_EQ(*metadata.Find("general.dataset.count"), Value(uint32_t{1}));
}

TEST(ModelCard, NamesAndSources) {
  Metadata metadata;
  EXPECT_EQ(SetModelCard("---\nmodel_name: b\nname: A b\nmodel_creator: someone\nversion: v1.0\n"
                         "organization: org\nfinetune: chat\nmodel_type: llama\nsize_label: 7B\n"
                         "description: \"a: b\"\nurl: https://u\nmodel_doi: 10.1/x\nuuid: 1-2\n"
                         "repo_url: https://r\n---\n",
                         &metadata),
            "");
  const std::pair<const char*, const char*> kExpected[] = {
      {"general.name", "A b"},
      {"general.author", "someone"},
      {"general.version", "v1.0"},
      {"general.organization", "org"},
      {"general.finetune", "chat"},
      {"general.basename", "llama"},
      {"general.size_label", "7B"},
      {"general.description", "a: b"},
      {"general.source.url", "https://u"},
      {"general.source.doi", "10.1/x"},
      {"general.source.uuid", "1-2"},
      {"general.source.repo_url", "https://r"},
  };
  EXPECT_EQ(metadata.entries().size(), std::size(kExpected));
  for (const auto& [key, value] : kExpected) {
    ASSERT_NE(metadata.Find(key), nullptr) << key;
    EXPECT_EQ(*metadata.Find(key), Value(value)) << key;
  }
}

TEST(ModelCard, ReferencesInventNothing) {
  Metadata metadata;
  SetModelCard(
      "---\nbase_model:\n- ./local\n- ../up/there\n- a model of ours/mine\n- org/some_model-7b\n"
      "datasets:\n- https://huggingface.co/datasets/org/words\n- https://huggingface.co/a/b\n---\n",
      &metadata);
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [key, value] : metadata.entries()) {
    if (const auto* text = std::get_if<std::string>(&value.data)) texts.emplace_back(key, *text);
  }
  EXPECT_THAT(
      texts,
      ElementsAre(
          Pair("general.base_model.0.name", "Local"), Pair("general.base_model.1.name", "Up/There"),
          Pair("general.base_model.2.name", "A Model Of Ours/Mine"),
          Pair("general.base_model.3.name", "Some_Model 7b"),
          Pair("general.base_model.3.organization", "Org"),
          Pair("general.base_model.3.repo_url", "https://huggingface.co/org/some_model-7b"),
          Pair("general.dataset.0.repo_url", "https://huggingface.co/datasets/org/words"),
          Pair("general.dataset.1.repo_url", "https://huggingface.co/a/b"),
          Pair("general.dataset.1.name", "B"), Pair("general.dataset.1.organization", "A")));
}

TEST(ModelCard, SaysWhatIsNoYaml) {
  const struct {
    const char* text;
    const char* fault;
  } kCases[] = {
      {"license: 'mit\nlanguage: en\n", "the value of \"license\" is no YAML"},
      {"tags: [a, b\nlanguage: en\n", "the value of \"tags\" is no YAML"},
      {"license: a: b\nlanguage: en\n", "the value of \"license\" is no YAML"},
      {"license mit\nlanguage: en\n", "the line \"license mit\" has no colon"},
      {"language: en\n", ""},
      {"language: en\ntags: [a,\nb]\ntext: 'two\n  lines'\nobject: {a: b}\nblock: >\n  a: b: c\n",
       ""},
      {"language: en\nmodel-index:\n- name: x\n  results:\n  - task: y\n", ""},
      {"language: en  # that's all: really\n", ""},
  };
  for (const auto& test : kCases) {
    Metadata metadata;
    EXPECT_EQ(SetModelCard(absl::StrCat("---\n", test.text, "---\n"), &metadata), test.fault)
        << test.text;
    EXPECT_EQ(*metadata.Find("general.languages"), Value(Texts{"en"})) << test.text;
  }
}

TEST(ModelCard, NothingFromWhatIsNotUtf8) {
  Metadata metadata;
  SetModelCard("---\nlicense: m\xFFt\n---\n", &metadata);
  EXPECT_THAT(metadata.entries(), IsEmpty());
}

}  // namespace
}  // namespace gguf
