#include "formats/ollama_store.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

TEST(OllamaName, FillsInWhatIsUsual) {
  const struct {
    const char *text, *host, *name_space, *model, *tag, *shown;
  } kCases[] = {
      {"gemma3", "registry.ollama.ai", "library", "gemma3", "latest", "gemma3:latest"},
      {"gemma3:27b-it-qat", "registry.ollama.ai", "library", "gemma3", "27b-it-qat",
       "gemma3:27b-it-qat"},
      {"me/gemma3:x", "registry.ollama.ai", "me", "gemma3", "x", "me/gemma3:x"},
      {"example.org/me/gemma3", "example.org", "me", "gemma3", "latest",
       "example.org/me/gemma3:latest"},
      {"example.org/library/m", "example.org", "library", "m", "latest",
       "example.org/library/m:latest"},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<OllamaName> name = ParseOllamaName(c.text);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(name->host, c.host);
    EXPECT_EQ(name->name_space, c.name_space);
    EXPECT_EQ(name->model, c.model);
    EXPECT_EQ(name->tag, c.tag);
    EXPECT_EQ(name->ToString(), c.shown);
  }
}

TEST(OllamaName, RefusesWhatIsNoNameOrLeadsOutOfTheFolder) {
  for (const std::string& text :
       {std::string(""), std::string("a b"), std::string("../a"), std::string("a/.."),
        std::string("a:"), std::string(":a"), std::string("a/b/c/d"), std::string("a//b"),
        std::string("a:b:c"), std::string("a:../b"), std::string(81, 'a'), std::string("\x01")}) {
    const absl::StatusOr<OllamaName> name = ParseOllamaName(text);
    EXPECT_FALSE(name.ok()) << text;
    EXPECT_THAT(std::string(name.status().message()), HasSubstr("MODEL[:TAG]"));
  }
}

TEST(OllamaModelTypeTest, IsWrittenAsOllamaWritesIt) {
  EXPECT_EQ(OllamaModelType(27432406640), "27.4B");
  EXPECT_EQ(OllamaModelType(12000000000), "12B");
  EXPECT_EQ(OllamaModelType(4299915632), "4.3B");
  EXPECT_EQ(OllamaModelType(999885952), "999.89M");
  EXPECT_EQ(OllamaModelType(70000000), "70M");
  EXPECT_EQ(OllamaModelType(720976), "720.98K");
}

}  // namespace
}  // namespace gguf
