#include "tools/gguf_commands/inspect.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"
#include "tools/gguf_commands/table.h"

namespace gguf {
namespace {

GgufModel Sample() {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("test"));
  metadata.Set("evil", std::string("\x1b[31m\n\xff"));
  metadata.Set("long", std::string(1000, 'x'));
  metadata.Set("list", std::vector<uint32_t>(20, 7u));
  auto bytes = MakeGguf(metadata, {{"a", TensorType::kF32, Shape{2, 32}},
                                   {"b", TensorType::kQ8_0, Shape{64}},
                                   {"c", TensorType::kQ8_0, Shape{64}}});
  return *GgufModel::FromFile(*OpenBytes(*std::move(bytes)));
}

TEST(Inspect, SumsUpTypes) {
  const auto result = Inspect(Sample(), "", 8);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->metadata_size(), 4);
  EXPECT_EQ(result->tensors_size(), 3);
  ASSERT_EQ(result->totals_size(), 2);
  EXPECT_EQ(result->totals(0).type(), "F32");
  EXPECT_EQ(result->totals(0).bytes(), 256);
  EXPECT_EQ(result->totals(1).num_tensors(), 2);
  EXPECT_EQ(result->totals(1).num_values(), 128);
  EXPECT_EQ(result->num_values(), 192);
  EXPECT_DOUBLE_EQ(result->bits_per_weight(), 8.0 * (256 + 2 * 68) / 192);
}

TEST(Inspect, SelectsKeys) {
  const auto result = Inspect(Sample(), "^l[io]", 8);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->metadata_size(), 2);
  EXPECT_EQ(result->metadata(0).key(), "long");
  EXPECT_EQ(result->metadata(1).type(), "uint32[20]");
  EXPECT_FALSE(Inspect(Sample(), "(", 8).ok());
}

TEST(Inspect, PrintsNothingThatActsOnATerminal) {
  const auto result = Inspect(Sample(), "", 8);
  ASSERT_TRUE(result.ok());
  const std::string text = InspectText(*result, {/*tensors=*/true, /*max_value_bytes=*/20});
  for (const char byte : text) {
    EXPECT_TRUE(byte == '\n' || static_cast<unsigned char>(byte) >= 0x20);
  }
  EXPECT_TRUE(absl::StrContains(text, "\\x1b[31m\\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\"" + std::string(20, 'x') + "...\"")) << text;
  EXPECT_TRUE(absl::StrContains(text, "... 20 in all]")) << text;
  EXPECT_TRUE(absl::StrContains(text, "[2, 32]")) << text;
}

TEST(Table, AlignsColumns) {
  Table table({Align::kLeft, Align::kRight, Align::kLeft});
  table.AddRow({"a", "1", "x"});
  table.AddRow({"\xC3\xA9\xC3\xA9\xC3\xA9", "100", ""});
  EXPECT_EQ(table.ToString(), "  a      1  x\n  \xC3\xA9\xC3\xA9\xC3\xA9  100\n");
}

}  // namespace
}  // namespace gguf
