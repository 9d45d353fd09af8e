#include "formats/tar.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/archive_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "name=bytes" of every file, "name!" of what is none; or the error.
std::vector<std::string> List(const std::string& tar) {
  std::vector<std::string> list;
  const auto read = [&tar](uint64_t offset, absl::Span<uint8_t> out) -> absl::StatusOr<size_t> {
    if (offset >= tar.size()) return 0;
    const size_t count = std::min<uint64_t>(out.size(), tar.size() - offset);
    std::memcpy(out.data(), tar.data() + offset, count);
    return count;
  };
  const absl::Status status = ReadTar("a.tar.zst", read, [&](const TarMember& member) {
    list.push_back(member.is_file
                       ? absl::StrCat(member.name, "=", tar.substr(member.offset, member.size))
                       : absl::StrCat(member.name, "!"));
    return absl::OkStatus();
  });
  if (!status.ok()) list = {std::string(status.message())};
  return list;
}

TEST(Tar, ListsFilesUnderPlainNames) {
  EXPECT_THAT(List(MakeTar({})), ElementsAre());
  EXPECT_THAT(List(MakeTar({{"./", "", '5'},
                            {"./a", "x", '0'},
                            {"b//c/./d", std::string(512, 'y'), '0'},
                            {"e", "", '\0'},
                            {"link", "", '2'},
                            {"f", std::string(513, 'z'), '7'}})),
              ElementsAre("a=x", "b/c/d=" + std::string(512, 'y'), "e=", "link!",
                          "f=" + std::string(513, 'z')));
}

TEST(Tar, LongNamesAndSizesComeFromTheHeadersBefore) {
  const std::string name = "folder/" + std::string(300, 'n');
  EXPECT_THAT(List(MakeTar({{"././@LongLink", name + '\0', 'L'}, {"short", "1", '0'}})),
              ElementsAre(name + "=1"));
  EXPECT_THAT(List(MakeTar({{"pax", PaxRecord("mtime", "1.5") + PaxRecord("path", name), 'x'},
                            {"short", "1", '0'},
                            {"next", "2", '0'}})),
              ElementsAre(name + "=1", "next=2"));
  // The size of the header may be anything then.
  EXPECT_THAT(List(TarEntries({{"pax", PaxRecord("size", "3"), 'x'}}) + TarHeader("a", 0, '0') +
                   "abc" + std::string(509 + 1024, '\0')),
              ElementsAre("a=abc"));
}

TEST(Tar, RefusesWhatItCannotTrust) {
  const std::string file = TarEntries({{"a", "x", '0'}});
  const std::string end(1024, '\0');
  std::string damaged = file + file + end;
  damaged[1024 + 3] = 'x';
  const struct {
    std::string tar;
    const char* error;
  } kCases[] = {
      {"", "ends at byte 0 before its end mark"},
      {"no tar at all" + std::string(1000, 'x'), "is not a tar archive"},
      {file, "ends at byte 1024 before its end mark"},
      {TarHeader("a", 2000, '0') + end, "ends at byte 512 before"},
      {TarHeader("a", uint64_t{1} << 33, '0') + end, "ends at byte 512 before"},
      {damaged, "damaged tar header at byte 1024"},
      {file + end + file + end, "more data behind the end mark"},
      {file + end + std::string(5 << 20, '\0'), "does not end behind the end mark"},
      {MakeTar({{"../a", "x", '0'}}), "leads out of the archive"},
      {MakeTar({{"a/../../b", "x", '0'}}), "leads out of the archive"},
      {MakeTar({{"/etc/passwd", "x", '0'}}), "leads out of the archive"},
      {MakeTar({{"", "x", '0'}}), "a file without a name"},
      {MakeTar({{"a", "x", 'S'}}), "entry of kind 'S'"},
      {MakeTar({{"p", PaxRecord("GNU.sparse.major", "1"), 'x'}, {"a", "x", '0'}}), "sparse"},
      {MakeTar({{"p", PaxRecord("path", "b"), 'g'}, {"a", "x", '0'}}), "one name or size"},
      {MakeTar({{"p", PaxRecord("size", "99999999999999999999"), 'x'}}), "no valid size"},
      {MakeTar({{"p", "12 path", 'x'}}), "the pax header before byte 1024 is damaged"},
      {MakeTar({{"p", "5 a=bcd\n", 'x'}}), "the pax header before byte 1024 is damaged"},
      {MakeTar({{"p", "3 \n", 'x'}}), "the pax header before byte 1024 is damaged"},
      {MakeTar({{"p", PaxRecord("path", std::string(5000, 'n')), 'x'}, {"a", "x", '0'}}),
       "a name of 5000 bytes"},
      {TarHeader("p", kMaxTarExtension + 1, 'x') + end, "no valid size"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(List(test.tar), ElementsAre(HasSubstr(test.error)));
  }
  std::string many;
  for (uint64_t i = 0; i <= kMaxTarHeaders; ++i) many += TarHeader("d", 0, '5');
  EXPECT_THAT(List(many + end), ElementsAre(HasSubstr("more than 20000 headers")));
}

}  // namespace
}  // namespace gguf
