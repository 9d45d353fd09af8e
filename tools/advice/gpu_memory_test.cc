#include "tools/advice/gpu_memory.h"

#include <string>

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(ParseFreeGpuMemory, ReadsANumberPerCard) {
  constexpr uint64_t kMebibyte = 1 << 20;
  EXPECT_EQ(*ParseFreeGpuMemory("24217\n"), std::vector<uint64_t>{24217 * kMebibyte});
  EXPECT_EQ(*ParseFreeGpuMemory(" 0 \r\n\n81559"), (std::vector<uint64_t>{0, 81559 * kMebibyte}));
}

TEST(ParseFreeGpuMemory, SaysWhatItDoesNotUnderstand) {
  const std::string kExpected =
      "', expected a number of MiB per card; say how much memory is free with --vram, such as "
      "--vram 8GiB";
  const struct {
    std::string output, shown;
  } cases[] = {
      {"", ""},
      {"\n\n", "\\n\\n"},
      {"[N/A]\n", "[N/A]"},
      {"1024\nNo devices were found\n", "No devices were found"},
      {"-1\n", "-1"},
      {"1.5\n", "1.5"},
      {"1073741825\n", "1073741825"},
      {"99999999999999999999999\n", "99999999999999999999999"},
      {"\x1b[31m7\n", "\\x1b[31m7"},
      {std::string(1000, 'x'), std::string(60, 'x') + "..."},
  };
  for (const auto& test : cases) {
    const absl::Status status = ParseFreeGpuMemory(test.output).status();
    EXPECT_EQ(status.message(), "nvidia-smi said '" + test.shown + kExpected);
  }
  EXPECT_TRUE(ParseFreeGpuMemory("1073741824\n").ok());
}

}  // namespace
}  // namespace gguf
