#include "gguf/io/zstd_compress.h"

#include "absl/strings/str_cat.h"
#include "gguf/io/memory_file.h"
#include "gguf/io/zstd_file.h"
#include "gguf/io/zstd_frames.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::string Path(absl::string_view name) { return absl::StrCat(testing::TempDir(), "/", name); }

std::string Bytes(size_t count) {
  std::string bytes(count, '\0');
  uint64_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    if (i % 3000 < 1500) bytes[i] = static_cast<char>(state >> 56);
  }
  return bytes;
}

std::string ReadAll(const std::string& path) {
  return ReadFileToString(path, uint64_t{1} << 30).value_or("cannot be read");
}

TEST(ZstdCompress, RoundTripsWithTheSameBytesForAnyThreads) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{kZstdFrameBytes},
                             size_t{kZstdFrameBytes + 1}, size_t{9 * kZstdFrameBytes + 12345}}) {
    const std::string bytes = Bytes(count);
    const MemoryFile in("in", bytes);
    std::string first;
    for (const int threads : {1, 2, 5}) {
      CopyOptions options;
      options.threads = threads;
      options.replace = true;
      const auto size = CompressFile(in, Path("out.zst"), kDefaultZstdLevel, options);
      ASSERT_TRUE(size.ok()) << size.status();
      const std::string packed = ReadAll(Path("out.zst"));
      EXPECT_EQ(packed.size(), *size);
      if (threads == 1) first = packed;
      EXPECT_EQ(packed, first);
      const auto file = OpenDecompressed(Path("out.zst"));
      ASSERT_TRUE(file.ok()) << file.status();
      ASSERT_TRUE(CopyFile(**file, Path("out"), options).ok());
      EXPECT_TRUE(ReadAll(Path("out")) == bytes);
    }
  }
}

TEST(ZstdCompress, FramesAreAsTheTableSays) {
  const MemoryFile in("in", Bytes(2 * kZstdFrameBytes + 5));
  ASSERT_TRUE(CompressFile(in, Path("frames.zst"), 1, {}).ok());
  const std::string packed = ReadAll(Path("frames.zst"));
  const auto table = ReadZstdFrames(MemoryFile("f", packed));
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->size(), 3u);
  EXPECT_EQ((*table)[2].bytes, 5u);
  // Without the table (and its 8 bytes in front) the frames are found by walking.
  const size_t end = (*table)[2].file_offset + (*table)[2].file_bytes;
  const auto walked = ReadZstdFrames(MemoryFile("f", packed.substr(0, end)));
  ASSERT_TRUE(walked.ok()) << walked.status();
  ASSERT_EQ(walked->size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*walked)[i].file_offset, (*table)[i].file_offset);
    EXPECT_EQ((*walked)[i].file_bytes, (*table)[i].file_bytes);
    EXPECT_EQ((*walked)[i].bytes, (*table)[i].bytes);
  }
}

TEST(ZstdCompress, StopsAndLeavesNothing) {
  const MemoryFile in("in", Bytes(100));
  const std::atomic<bool> cancelled = true;
  CopyOptions options;
  options.cancelled = &cancelled;
  EXPECT_TRUE(absl::IsCancelled(CompressFile(in, Path("no.zst"), 1, options).status()));
  EXPECT_TRUE(absl::IsCancelled(CopyFile(in, Path("no.zst"), options)));
  EXPECT_TRUE(absl::IsNotFound(OpenFile(Path("no.zst")).status()));
  EXPECT_TRUE(absl::IsNotFound(OpenFile(Path("no.zst.partial")).status()));
}

}  // namespace
}  // namespace gguf
