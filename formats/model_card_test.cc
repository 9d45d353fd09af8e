#include "formats/model_card.h"

#include <string>
#include <utility>
#include <vector>

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

// Of the keys that hold one.
std::vector<std::pair<std::string, std::string>> TextsOf(const Metadata& metadata) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [key, value] : metadata.entries()) {
    if (const auto* text = std::get_if<std::string>(&value.data)) texts.emplace_back(key, *text);
  }
  return texts;
}

TEST(ModelCard, BecomesMetadata) {
  Metadata metadata;
  SetModelCard(
      "---\nlicense: [mit, other]\nlicense_name: a name\nlanguage: en\npipeline_tag: text\n"
      "tags:\n- chat\nbase_model:\n- some-org/tiny-model\n- alone\n"
      "- https://huggingface.co/org/other\n- https://example.org/x\n"
      "datasets: org/words\n---\n",
      &metadata);
  EXPECT_THAT(
      TextsOf(metadata),
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
  EXPECT_THAT(
      TextsOf(metadata),
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

// As gguf-py (August 2026) does.
TEST(ModelCard, ReferencesAsObjectsAndVersions) {
  Metadata metadata;
  SetModelCard(
      "---\ndescription: >\n  Of two\n  lines.\nbase_model:\n"
      "- mistralai/Mistral-7B-v0.1\n"
      "- name: Mine\n  organization: us\n  version: v3\n  color: red\n  doi: 10.1/x\n"
      "- https://huggingface.co/org/tiny-v2\n"
      "datasets:\n- {name: Words, repo_url: 'https://example.org/words'}\n- org/words-1.1\n---\n",
      &metadata);
  EXPECT_THAT(
      TextsOf(metadata),
      testing::UnorderedElementsAre(
          Pair("general.description", "Of two lines.\n"),
          Pair("general.base_model.0.name", "Mistral 7B v0.1"),
          Pair("general.base_model.0.organization", "Mistralai"),
          Pair("general.base_model.0.version", "v0.1"),
          Pair("general.base_model.0.repo_url", "https://huggingface.co/mistralai/Mistral-7B-v0.1"),
          Pair("general.base_model.1.name", "Mine"),
          Pair("general.base_model.1.organization", "us"),
          Pair("general.base_model.1.version", "v3"), Pair("general.base_model.1.doi", "10.1/x"),
          Pair("general.base_model.2.repo_url", "https://huggingface.co/org/tiny-v2"),
          Pair("general.base_model.2.name", "Tiny v2"),
          Pair("general.base_model.2.organization", "Org"),
          Pair("general.base_model.2.version", "v2"), Pair("general.dataset.0.name", "Words"),
          Pair("general.dataset.0.repo_url", "https://example.org/words"),
          Pair("general.dataset.1.name", "Words 1.1"),
          Pair("general.dataset.1.organization", "Org"), Pair("general.dataset.1.version", "1.1"),
          Pair("general.dataset.1.repo_url", "https://huggingface.co/org/words-1.1")));
  EXPECT_EQ(*metadata.Find("general.base_model.count"), Value(uint32_t{3}));
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
