#include "formats/model_id.h"

#include <utility>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// As get_model_id_components of gguf-py says.
TEST(VersionInName, IsThatOfTheFieldsConverter) {
  const std::pair<const char*, const char*> kCases[] = {
      {"Mistral-7B-v0.1", "v0.1"},
      {"Llama-3-8B", ""},
      {"Llama-2-7b-chat-hf", ""},
      {"Phi-3-mini-128k-instruct", ""},
      {"model-v2", "v2"},
      {"v2", "v2"},
      {"3-x", ""},
      {"Qwen2.5-0.5B-Instruct", ""},
      {"deepseek-llm-67b-chat-v1.5", "v1.5"},
      {"tiny-iter3-2", "iter3-2"},
      {"a-mini-2-b", "2"},
      {"a-small-3-7B-2", "2"},
      {"X-mini-2-128k", ""},
      {"WizardLM-13B-V1.2", "V1.2"},
      {"x--v1", "v1"},
      {"bloom-7b1", ""},
      {"a-q4_0-v3", "v3"},
      {"7B-v2", "v2"},
      {"gemma-3-27b-it-qat-2.0-q4_0", "2.0"},
      {"\xC3\xA4"
       "b-2-c-3",
       "3"},
      {"a b-2", ""},
      {"--", ""},
      {"", ""},
  };
  for (const auto& [name, version] : kCases) EXPECT_EQ(VersionInName(name), version) << name;
}

}  // namespace
}  // namespace gguf
