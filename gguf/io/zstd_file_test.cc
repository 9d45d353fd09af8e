#include "gguf/io/zstd_file.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gguf/io/memory_file.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/io/zstd_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

std::string Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i * i >> 7);
  return bytes;
}

std::string Number(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// Frames of `frame_bytes` each, with the table of the seekable format put together by hand.
std::string Seekable(const std::string& bytes, size_t frame_bytes, bool has_checksums = false) {
  std::string file, entries;
  for (size_t at = 0; at < bytes.size(); at += frame_bytes) {
    const std::string piece = bytes.substr(at, frame_bytes);
    const std::string frame = CompressZstd(piece, 0);
    file += frame;
    entries += Number(frame.size(), 4) + Number(piece.size(), 4);
    if (has_checksums) entries += Number(0, 4);
  }
  const size_t num_frames = (bytes.size() + frame_bytes - 1) / frame_bytes;
  return absl::StrCat(file, Number(0x184D2A5E, 4), Number(entries.size() + 9, 4), entries,
                      Number(num_frames, 4), Number(has_checksums ? 0x80 : 0, 1),
                      Number(0x8F92EAB1, 4));
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& bytes) {
  return Decompressed(std::make_unique<MemoryFile>("f.zst", bytes));
}

std::string ReadAt(const RandomAccessFile& file, uint64_t offset, size_t count) {
  std::string out(count, '\0');
  const absl::Status status =
      file.Read(offset, absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), count));
  return status.ok() ? out : std::string(status.message());
}

std::string ErrorOf(const std::string& bytes) {
  const auto file = Open(bytes);
  return file.ok() ? ReadAt(**file, 0, (*file)->size()) : std::string(file.status().message());
}

TEST(ZstdFile, EveryPlaceWithAndWithoutATable) {
  const std::string bytes = Bytes(10000);
  for (const std::string& packed :
       {Seekable(bytes, 1000), Seekable(bytes, 1024, true), Seekable(bytes, 10000),
        CompressZstd(bytes, 1000), CompressZstd(bytes, 0),
        absl::StrCat(Number(0x184D2A50, 4), Number(3, 4), "abc", CompressZstd(bytes, 7000))}) {
    const auto file = Open(packed);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->size(), bytes.size());
    EXPECT_FALSE((*file)->stream_offset().has_value());
    for (const size_t count : {1, 999, 1000, 1001, 2500, 10000}) {
      for (size_t at = 0; at + count <= bytes.size(); at += 137) {
        ASSERT_EQ(ReadAt(**file, at, count), bytes.substr(at, count)) << at << " " << count;
      }
    }
    EXPECT_THAT(ReadAt(**file, 9999, 2), HasSubstr("decompresses to 10000 bytes"));
  }
}

TEST(ZstdFile, OtherFilesStayAsTheyAre) {
  for (const std::string bytes : {"", "abc", "GGUFGGUF"}) {
    const auto file = Open(bytes);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(ReadAt(**file, 0, bytes.size()), bytes);
  }
}

TEST(ZstdFile, LargeFramesAreStreams) {
  const std::string bytes = Bytes(kMaxWholeFrameBytes + 100);
  const auto file = Open(CompressZstd(bytes, 0));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->stream_offset().has_value());
  EXPECT_EQ((*file)->size(), bytes.size());
  EXPECT_EQ(ReadAt(**file, bytes.size() - 10, 10), bytes.substr(bytes.size() - 10));
  EXPECT_EQ(ReadAt(**file, 5, 10), bytes.substr(5, 10));
}

TEST(ZstdFile, ThreadsShareIt) {
  const std::string bytes = Bytes(100000);
  const auto file = Open(Seekable(bytes, 1000));
  ASSERT_TRUE(file.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t at = t * 31; at + 1500 < bytes.size(); at += 911) {
        EXPECT_EQ(ReadAt(**file, at, 1500), bytes.substr(at, 1500));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ZstdFile, DamageIsASentence) {
  const std::string bytes = Bytes(5000);
  const std::string good = Seekable(bytes, 1000);
  ASSERT_EQ(ErrorOf(good), bytes);
  const size_t table = good.size() - 9 - 5 * 8 - 8;
  const auto with = [&](size_t at, const std::string& patch) {
    std::string bad = good;
    return bad.replace(at, patch.size(), patch);
  };
  EXPECT_THAT(ErrorOf(with(20, "####")), HasSubstr("cannot be decompressed to 1000 bytes"));
  EXPECT_THAT(ErrorOf(with(table, "####")), HasSubstr("does not begin where it must"));
  EXPECT_THAT(ErrorOf(with(table + 8, Number(1 << 30, 4))), HasSubstr("frame 0 of its table ends"));
  EXPECT_THAT(ErrorOf(with(table + 8, Number(1, 4))), HasSubstr("expected"));
  EXPECT_THAT(ErrorOf(with(table + 12, Number(999, 4))), HasSubstr("to 999 bytes"));
  EXPECT_THAT(ErrorOf(with(table + 12, Number(1001, 4))), HasSubstr("(1000 bytes)"));
  EXPECT_THAT(ErrorOf(with(good.size() - 9, Number(~0u, 4))), HasSubstr("have no room"));
  EXPECT_THAT(ErrorOf(with(good.size() - 5, "\x04")), HasSubstr("reserved bit"));
  for (size_t size = 4; size < good.size(); size += 13) {
    EXPECT_NE(ErrorOf(good.substr(0, size)), bytes.substr(0, size)) << size;
    EXPECT_THAT(ErrorOf(good.substr(0, size)), HasSubstr("f.zst")) << size;
  }
}

// Frame header without a content size: descriptor 0, a window, one empty last block.
TEST(ZstdFile, SaysWhatItCannotRead) {
  EXPECT_THAT(ErrorOf(std::string("\x28\xB5\x2F\xFD\x00\x58\x01\x00\x00", 9)),
              HasSubstr("does not say how long its data is"));
  EXPECT_THAT(ErrorOf(std::string("\x28\xB5\x2F\xFD\x21\x07\x05\x01\x00\x00", 10)),
              HasSubstr("with a dictionary"));
  EXPECT_THAT(ErrorOf(std::string("\x28\xB5\x2F\xFD\x20\x00\x07\x00\x00", 9)),
              HasSubstr("reserved kind"));
}

TEST(ZstdFile, ClaimsOfHugeSizesTakeNoMemory) {
  // One frame that claims 2^60 bytes; a table that claims 2^31 bytes each from frames of 9 bytes.
  EXPECT_THAT(ErrorOf(absl::StrCat("\x28\xB5\x2F\xFD\xE0", Number(uint64_t{1} << 60, 8),
                                   std::string("\x01\x00\x00", 3))),
              HasSubstr("more than 1000 times its size"));
  std::string entries, frames;
  for (int i = 0; i < 3; ++i) {
    frames += CompressZstd("", 0);
    entries += Number(CompressZstd("", 0).size(), 4) + Number(1u << 31, 4);
  }
  EXPECT_THAT(ErrorOf(absl::StrCat(frames, Number(0x184D2A5E, 4), Number(33, 4), entries,
                                   Number(3, 4), std::string(1, '\0'), Number(0x8F92EAB1, 4))),
              HasSubstr("more than 1000 times its size"));
}

}  // namespace
}  // namespace gguf
