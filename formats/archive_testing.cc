#include "formats/archive_testing.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

constexpr size_t kBlock = 512;

}  // namespace

std::string TarHeader(absl::string_view name, uint64_t size, char kind) {
  std::string block(kBlock, '\0');
  const auto put = [&block](size_t begin, absl::string_view text) {
    block.replace(begin, text.size(), text.data(), text.size());
  };
  const auto octal = [](uint64_t value, int digits) {
    char text[24];
    std::snprintf(text, sizeof(text), "%0*llo", digits, static_cast<unsigned long long>(value));
    return std::string(text);
  };
  put(0, name.substr(0, 100));
  put(124, octal(size, 11));
  put(148, "        ");
  block[156] = kind;
  put(257, absl::string_view("ustar\00000", 8));
  uint64_t sum = 0;
  for (const char byte : block) sum += static_cast<uint8_t>(byte);
  put(148, octal(sum, 6));
  block[154] = '\0';
  return block;
}

std::string TarEntries(const std::vector<TarEntry>& entries) {
  std::string tar;
  for (const TarEntry& entry : entries) {
    absl::StrAppend(&tar, TarHeader(entry.name, entry.bytes.size(), entry.kind), entry.bytes);
    tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock, '\0');
  }
  return tar;
}

std::string MakeTar(const std::vector<TarEntry>& entries) {
  return TarEntries(entries) + std::string(2 * kBlock, '\0');
}

std::string PaxRecord(absl::string_view key, absl::string_view value) {
  const std::string rest = absl::StrCat(" ", key, "=", value, "\n");
  size_t length = rest.size() + 1;
  while (absl::StrCat(length).size() + rest.size() != length) ++length;
  return absl::StrCat(length, rest);
}

std::vector<TarEntry> EntriesOfFolder(const std::string& folder, absl::string_view name) {
  std::vector<TarEntry> entries = {{absl::StrCat(name, "/"), "", '5'}};
  const auto files = ListFiles(folder);
  EXPECT_TRUE(files.ok()) << files.status();
  for (const std::string& file : *files) {
    auto bytes = ReadFileIn(folder, file, uint64_t{1} << 30);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    entries.push_back({absl::StrCat(name, "/", file), *std::move(bytes), '0'});
  }
  return entries;
}

}  // namespace gguf
