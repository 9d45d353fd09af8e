#include "formats/safetensors_set.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

constexpr char kIndex[] = "model.safetensors.index.json";

std::string Index(absl::string_view weight_map) {
  return absl::StrCat("{\"metadata\": {}, \"weight_map\": ", weight_map, "}");
}

std::string File(absl::string_view tensor) {
  return MakeSafetensors({{std::string(tensor), "U8", "[1]", "x"}});
}

TEST(SafetensorsSet, ReadsFilesInNameOrderWithoutIndex) {
  const std::string folder =
      MakeFolder("no_index", {{"model-2.safetensors", File("b")},
                              {"model-1.safetensors", File("a")},
                              {"other.safetensors", "not looked at"},
                              {"consolidated.safetensors", "not looked at"}});
  const absl::StatusOr<SafetensorsSet> set = SafetensorsSet::Open(folder);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->entries().size(), 2);
  EXPECT_EQ(set->tensor(0).name, "a");
  EXPECT_EQ(set->tensor(1).name, "b");
  EXPECT_EQ(set->paths().size(), 2);
}

TEST(SafetensorsSet, FilesWithoutWantedTensorsNeedNotBeThere) {
  const auto is_wanted = [](absl::string_view name) { return name[0] == 'v'; };
  const std::string folder =
      MakeFolder("wanted", {{kIndex, Index(R"({"t": "a.safetensors", "v": "b.safetensors"})")},
                            {"b.safetensors", File("v")}});
  EXPECT_FALSE(SafetensorsSet::Open(folder).ok());
  const absl::StatusOr<SafetensorsSet> set = SafetensorsSet::OpenFilesWith(folder, is_wanted);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->entries().size(), 1);
  EXPECT_EQ(set->tensor(0).name, "v");
  // What is opened is checked against the index as usual.
  const std::string wrong =
      MakeFolder("wrong", {{kIndex, Index(R"({"t": "a.safetensors", "v": "b.safetensors"})")},
                           {"b.safetensors", File("w")}});
  EXPECT_THAT(std::string(SafetensorsSet::OpenFilesWith(wrong, is_wanted).status().message()),
              HasSubstr("v (in b.safetensors)"));
}

TEST(SafetensorsSet, ReadsOnlyTheFilesOfTheIndex) {
  const std::string folder =
      MakeFolder("index", {{kIndex, Index(R"({"b": "z.safetensors", "a": "model-1.safetensors"})")},
                           {"model-1.safetensors", File("a")},
                           {"z.safetensors", File("b")},
                           {"model-old.safetensors", "not looked at"}});
  const absl::StatusOr<SafetensorsSet> set = SafetensorsSet::Open(folder);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->entries().size(), 2);
  EXPECT_EQ(set->tensor(0).name, "a");
  EXPECT_EQ(set->paths()[0], folder + "/" + kIndex);
}

TEST(SafetensorsSet, NamesWhatDoesNotFit) {
  const struct {
    std::string why;
    std::vector<std::pair<std::string, std::string>> files;
    std::string message;
  } kCases[] = {
      {"nothing", {{"config.json", "{}"}}, "has neither model.safetensors.index.json nor"},
      {"pickles", {{"pytorch_model.bin", "PK"}}, "only PyTorch pickles (pytorch_model.bin)"},
      {"missing_shard",
       {{kIndex, Index(R"({"a": "1.safetensors", "b": "2.safetensors"})")},
        {"1.safetensors", File("a")}},
       "1 of the 2 files in model.safetensors.index.json are missing: 2.safetensors"},
      {"missing_tensor",
       {{kIndex, Index(R"({"a": "1.safetensors", "b": "1.safetensors"})")},
        {"1.safetensors", File("a")}},
       "not where it says: b (in 1.safetensors)"},
      {"tensor_elsewhere",
       {{kIndex, Index(R"({"a": "2.safetensors", "b": "1.safetensors"})")},
        {"1.safetensors", File("a")},
        {"2.safetensors", File("b")}},
       "lists 2 tensors that are not where it says"},
      {"extra_tensor",
       {{kIndex, Index(R"({"a": "1.safetensors"})")},
        {"1.safetensors", MakeSafetensors({{"a", "U8", "[1]", "x"}, {"more", "U8", "[1]", "y"}})}},
       "does not list: more (in 1.safetensors)"},
      {"twice",
       {{"model-1.safetensors", File("a")}, {"model-2.safetensors", File("a")}},
       "tensor a is both in model-1.safetensors and in model-2.safetensors"},
      {"broken", {{"model.safetensors", "short"}}, "model.safetensors: has 5 bytes"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<SafetensorsSet> set =
        SafetensorsSet::Open(MakeFolder(test.why, test.files));
    ASSERT_FALSE(set.ok()) << test.why;
    EXPECT_THAT(std::string(set.status().message()), HasSubstr(test.message)) << test.why;
  }
}

TEST(SafetensorsIndex, RefusesAnythingButPlainFileNames) {
  for (const char* name : {"\"../model.safetensors\"", "\"/etc/passwd\"", "\"a/b.safetensors\"",
                           "\"..\"", "\".\"", "\"\"", "\"a\\u0000b\"", "\"a\\\\b\"", "1", "null"}) {
    const absl::StatusOr<SafetensorsFiles> files =
        ParseSafetensorsIndex("i.json", Index(absl::StrCat("{\"t\": ", name, "}")));
    ASSERT_FALSE(files.ok()) << name;
    EXPECT_THAT(std::string(files.status().message()), HasSubstr("places tensor \"t\" in"));
  }
  for (const char* text : {"{}", "[]", R"({"weight_map": []})", R"({"weight_map": {}})", "{"}) {
    EXPECT_FALSE(ParseSafetensorsIndex("i.json", text).ok()) << text;
  }
}

}  // namespace
}  // namespace gguf
