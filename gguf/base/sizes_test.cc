#include "gguf/base/sizes.h"

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(SizesTest, ParsesWhatPeopleWrite) {
  const struct {
    const char* text;
    uint64_t bytes;
  } kCases[] = {
      {"0", 0},           {"123", 123},          {"2k", 2000},
      {"512MiB", 512u << 20}, {"7.5GiB", 8053063680}, {"7.5GB", 7500000000},
      {"1g", 1000000000}, {"1.5m", 1500000},     {"1TiB", uint64_t{1} << 40},
  };
  for (const auto& c : kCases) {
    const auto bytes = ParseSize(c.text);
    ASSERT_TRUE(bytes.ok()) << c.text << ": " << bytes.status();
    EXPECT_EQ(*bytes, c.bytes) << c.text;
  }
}

TEST(SizesTest, RefusesTheRest) {
  for (const char* text : {"", "MiB", "-1", "1 GiB", "1.2.3", "12XB", "1e9", "99999999TiB", "."}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(SizesTest, CheckedArithmetic) {
  uint64_t result = 7;
  EXPECT_TRUE(CheckedMultiply(uint64_t{1} << 32, (uint64_t{1} << 32) - 1, &result));
  EXPECT_EQ(result, 0xFFFFFFFF00000000u);
  EXPECT_FALSE(CheckedMultiply(uint64_t{1} << 32, uint64_t{1} << 32, &result));
  EXPECT_EQ(result, 0xFFFFFFFF00000000u);
  EXPECT_FALSE(CheckedAdd(~uint64_t{0}, 1, &result));
  EXPECT_EQ(RoundUp(33, 32), 64u);
  EXPECT_EQ(RoundUp(64, 32), 64u);
  EXPECT_EQ(RoundUp(0, 1), 0u);
}

TEST(SizesTest, Formats) {
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1536), "1.5 KiB");
  EXPECT_EQ(FormatSize(uint64_t{5} << 30), "5.0 GiB");
}

}  // namespace
}  // namespace gguf
