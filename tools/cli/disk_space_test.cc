#include "tools/cli/disk_space.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(DiskSpace, AddsUpWhatOneFilesystemHasToTake) {
  const std::string folder = ::testing::TempDir();
  const auto sentences = DescribeDiskSpace(
      {{absl::StrCat(folder, "/a.gguf"), 1024}, {absl::StrCat(folder, "/new/b.gguf"), 2048}});
  ASSERT_EQ(sentences.size(), 1u);
  EXPECT_THAT(sentences[0], HasSubstr("3.0 KiB will be written to "));
  EXPECT_THAT(sentences[0], HasSubstr(" are free"));
  EXPECT_THAT(sentences[0], Not(HasSubstr("only")));
}

TEST(DiskSpace, SaysWhatIsMissing) {
  const uint64_t exbibyte = uint64_t{1} << 60;
  EXPECT_THAT(DescribeDiskSpace({{absl::StrCat(::testing::TempDir(), "/a.gguf"), exbibyte}}),
              ElementsAre(::testing::AllOf(HasSubstr(", where only "), HasSubstr(" are missing"))));
}

TEST(DiskSpace, FilesystemsAreApart) {
  EXPECT_EQ(DescribeDiskSpace(
                {{absl::StrCat(::testing::TempDir(), "/a.gguf"), 1}, {"/proc/self/b.gguf", 1}})
                .size(),
            2u);
}

TEST(DiskSpace, NothingToWriteNeedsNothing) { EXPECT_TRUE(DescribeDiskSpace({}).empty()); }

}  // namespace
}  // namespace gguf
