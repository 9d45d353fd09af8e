#include "runtime/evaluate/zstd_stream.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::string Path(absl::string_view name) { return absl::StrCat(testing::TempDir(), "/", name); }

absl::StatusOr<std::unique_ptr<SequentialReader>> Open(const std::string& path) {
  auto file = OpenFile(path);
  if (!file.ok()) return file.status();
  return SequentialReader::Open(*std::move(file));
}

// Half of it compresses.
std::vector<uint8_t> Bytes(size_t count) {
  std::vector<uint8_t> bytes(count);
  uint32_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    bytes[i] = i % 2000 < 1000 ? 7 : static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

void WritePlain(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string WriteFrame(const std::vector<uint8_t>& bytes, absl::string_view name) {
  const std::string path = Path(name);
  auto writer = ZstdWriter::Create(path, bytes.size(), /*replace=*/true);
  EXPECT_TRUE(writer.ok()) << writer.status();
  const size_t half = bytes.size() / 2;
  EXPECT_TRUE((*writer)->Append(absl::MakeConstSpan(bytes.data(), half)).ok());
  EXPECT_TRUE(
      (*writer)->Append(absl::MakeConstSpan(bytes.data() + half, bytes.size() - half)).ok());
  EXPECT_TRUE((*writer)->Commit().ok());
  return path;
}

TEST(ZstdStream, RoundTrip) {
  for (const size_t count : {0, 1, 1000, 131071, 131072, 131073, 1000000}) {
    const std::vector<uint8_t> bytes = Bytes(count);
    const std::string path = WriteFrame(bytes, "round_trip.zst");
    auto reader = Open(path);
    ASSERT_TRUE(reader.ok()) << reader.status();
    std::vector<uint8_t> read(count);
    const size_t third = count / 3;
    ASSERT_TRUE((*reader)->Read(absl::MakeSpan(read.data(), third)).ok());
    ASSERT_TRUE((*reader)->Read(absl::MakeSpan(read.data() + third, count - third)).ok());
    EXPECT_TRUE((*reader)->ExpectEnd().ok()) << count;
    EXPECT_EQ(read, bytes);
  }
}

TEST(ZstdStream, EndsWhereTheFrameEnds) {
  const std::string path = WriteFrame(std::vector<uint8_t>(1000000, 3), "short.zst");
  EXPECT_LT(ReadAll(path).size(), 1000u);
}

TEST(ZstdStream, IncompressibleBytesFitWhatWasReserved) {
  std::vector<uint8_t> bytes(3000000);
  uint64_t state = 1;
  for (uint8_t& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<uint8_t>(state >> 56);
  }
  EXPECT_GT(ReadAll(WriteFrame(bytes, "random.zst")).size(), bytes.size());
}

TEST(ZstdStream, PlainFilesAreReadAsTheyAre) {
  const std::string path = Path("plain");
  WritePlain(path, "hello");
  auto reader = Open(path);
  ASSERT_TRUE(reader.ok());
  std::vector<uint8_t> read(4);
  ASSERT_TRUE((*reader)->Read(absl::MakeSpan(read)).ok());
  EXPECT_EQ(read[3], 'l');
  EXPECT_EQ((*reader)->ExpectEnd().code(), absl::StatusCode::kDataLoss);
}

TEST(ZstdStream, DamageIsNoticed) {
  const std::vector<uint8_t> bytes = Bytes(5000);
  const std::string whole = ReadAll(WriteFrame(bytes, "whole.zst"));
  const std::string path = Path("damaged.zst");
  const auto read_all = [&](const std::string& content) -> absl::Status {
    WritePlain(path, content);
    auto reader = Open(path);
    if (!reader.ok()) return reader.status();
    std::vector<uint8_t> read(bytes.size());
    const absl::Status status = (*reader)->Read(absl::MakeSpan(read));
    return status.ok() ? (*reader)->ExpectEnd() : status;
  };
  EXPECT_TRUE(read_all(whole).ok());
  for (size_t length = 0; length < whole.size(); length += 37) {
    EXPECT_FALSE(read_all(whole.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(read_all(whole.substr(0, whole.size() - 1)).ok());
  for (size_t i = 0; i < whole.size(); i += 101) {
    std::string damaged = whole;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(read_all(damaged).ok()) << i;
  }
}

TEST(ZstdStream, NothingIsLeftWithoutCommit) {
  const std::string path = Path("given_up.zst");
  {
    auto writer = ZstdWriter::Create(path, 100, /*replace=*/false);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(Bytes(100)).ok());
  }
  struct stat info;
  EXPECT_NE(stat(path.c_str(), &info), 0);
  EXPECT_NE(stat((path + ".partial").c_str(), &info), 0);
}

}  // namespace
}  // namespace gguf
