#include "gguf/verify.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gguf/io/memory_file.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::vector<std::string> FaultsOf(const std::string& bytes) {
  auto file = OpenBytes(bytes);
  EXPECT_TRUE(file.ok()) << file.status();
  auto model = GgufModel::FromFile(*std::move(file));
  EXPECT_TRUE(model.ok()) << model.status();
  const auto faults = FindStructuralFaults(*model);
  EXPECT_TRUE(faults.ok()) << faults.status();
  return *faults;
}

Metadata Architecture() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("test"));
  return metadata;
}

TEST(Verify, FindsNothingInAGoodFile) {
  Metadata metadata = Architecture();
  metadata.Set("general.quantization_version", uint32_t{2});
  const auto bytes =
      MakeGguf(metadata, {{"a", TensorType::kF32, Shape{3}}, {"b", TensorType::kQ8_0, Shape{32}}});
  ASSERT_TRUE(bytes.ok());
  EXPECT_TRUE(FaultsOf(*bytes).empty()) << FaultsOf(*bytes)[0];
}

TEST(Verify, PassesOnWarningsWithTheFile) {
  const auto bytes = MakeGguf(Metadata(), {});
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(FaultsOf(*bytes),
            std::vector<std::string>{"'test.gguf': key 'general.architecture' is missing or no "
                                     "string"});
}

TEST(Verify, FindsBytesHiddenInPadding) {
  const std::vector<TensorSpec> tensors = {{"a", TensorType::kF32, Shape{3}},
                                           {"b", TensorType::kF32, Shape{3}}};
  auto bytes = MakeGguf(Architecture(), tensors);
  ASSERT_TRUE(bytes.ok());
  const size_t size = bytes->size();
  for (const size_t position : {size - 64 + 12, size - 33, size - 20, size - 1}) {
    std::string hidden = *bytes;
    hidden[position] = 'x';
    const std::vector<std::string> faults = FaultsOf(hidden);
    ASSERT_EQ(faults.size(), 1u) << position;
    EXPECT_TRUE(absl::StrContains(faults[0], position < size - 32 ? "tensor 'a'" : "tensor 'b'"));
  }
}

TEST(Verify, WantsAQuantizationVersion) {
  const auto bytes = MakeGguf(Architecture(), {{"b", TensorType::kQ8_0, Shape{32}}});
  ASSERT_TRUE(bytes.ok());
  const std::vector<std::string> faults = FaultsOf(*bytes);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_TRUE(absl::StrContains(faults[0],
                                "tensor 'b' is quantized, but key "
                                "'general.quantization_version' is missing"))
      << faults[0];
}

}  // namespace
}  // namespace gguf
