#include "gguf/io/zstd_random_access.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/io/zstd_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kHistory = ZstdRandomAccess::kHistoryBytes;

// Every eight bytes say where they are.
const std::string& Counted() {
  static const std::string* const bytes = [] {
    auto* counted = new std::string(kHistory + kHistory / 2 + 5, '\0');
    for (uint64_t i = 0; i + 8 <= counted->size(); i += 8) {
      std::memcpy(counted->data() + i, &i, sizeof(i));
    }
    return counted;
  }();
  return *bytes;
}

std::unique_ptr<ZstdRandomAccess> Open(const std::string& compressed) {
  return std::make_unique<ZstdRandomAccess>(std::make_unique<MemoryFile>("f.zst", compressed));
}

void ExpectBytes(ZstdRandomAccess* stream, uint64_t offset, uint64_t size) {
  std::vector<uint8_t> out(size, 1);
  const auto count = stream->Read(offset, absl::MakeSpan(out));
  ASSERT_TRUE(count.ok()) << count.status();
  const std::string& bytes = Counted();
  const uint64_t there = offset < bytes.size() ? std::min(size, bytes.size() - offset) : 0;
  EXPECT_EQ(*count, there);
  const char* expected = bytes.data() + (there == 0 ? 0 : offset);
  EXPECT_EQ(std::memcmp(out.data(), expected, there), 0) << offset;
}

TEST(ZstdRandomAccess, ReadsAnywhere) {
  const std::string compressed = CompressZstd(Counted(), 0);
  const auto stream = Open(compressed);
  const uint64_t size = Counted().size();
  ExpectBytes(stream.get(), 0, 3);
  ExpectBytes(stream.get(), 1 << 20, 1 << 20);
  ExpectBytes(stream.get(), 5, 100);  // still kept
  ExpectBytes(stream.get(), size - 10, 20);
  ExpectBytes(stream.get(), size + 10, 20);
  ExpectBytes(stream.get(), size - kHistory, kHistory);
  EXPECT_EQ(stream->num_restarts(), 0u);
  ExpectBytes(stream.get(), 0, 20);  // a decoder at the end is of no other use: it goes back
  EXPECT_EQ(stream->num_restarts(), 1u);
  ExpectBytes(stream.get(), kHistory + (uint64_t{8} << 20), 7);
  ExpectBytes(stream.get(), 1 << 20, 8);  // one on its way stays there, another begins
  EXPECT_EQ(stream->num_restarts(), 2u);
  ExpectBytes(stream.get(), kHistory + (uint64_t{8} << 20), 7);
  ExpectBytes(stream.get(), 1 << 20, 8);
  EXPECT_EQ(stream->num_restarts(), 2u);
}

// Weights here, their scales further on, in turns: two decompressions, not one per read.
TEST(ZstdRandomAccess, TwoReadersThatMoveForwardCostTwoPasses) {
  const auto stream = Open(CompressZstd(Counted(), 0));
  const uint64_t distance = kHistory + (uint64_t{20} << 20);
  for (uint64_t at = 0; at + distance < Counted().size(); at += uint64_t{1} << 20) {
    ExpectBytes(stream.get(), at, 1000);
    ExpectBytes(stream.get(), at + distance, 1000);
  }
  EXPECT_EQ(stream->num_restarts(), 1u);
  EXPECT_LE(stream->decoded_bytes(), 2 * Counted().size());
}

TEST(ZstdRandomAccess, GoesBackToAFrameThatIsKnown) {
  std::string bytes = Counted();
  // Not compressible, so that frames are far enough apart in the file to be worth remembering.
  uint64_t state = 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  const auto stream = Open(CompressZstd(bytes, size_t{4} << 20));
  const auto read = [&](uint64_t offset) {
    std::string out(8, '\0');
    const auto count =
        stream->Read(offset, absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size()));
    EXPECT_TRUE(count.ok()) << count.status();
    EXPECT_EQ(out, bytes.substr(offset, 8));
  };
  read(bytes.size() - 8);
  const uint64_t once = stream->decoded_bytes();
  read(uint64_t{9} << 20);
  EXPECT_EQ(stream->num_restarts(), 1u);
  EXPECT_LT(stream->decoded_bytes(), once + (uint64_t{2} << 20));
}

std::string ErrorOf(const std::string& compressed) {
  const auto stream = Open(compressed);
  uint8_t byte;
  const auto count = stream->Read(uint64_t{1} << 50, absl::MakeSpan(&byte, 1));
  return count.ok() ? "no error" : std::string(count.status().message());
}

TEST(ZstdRandomAccess, RefusesDamage) {
  const std::string good = CompressZstd(Counted().substr(0, 1 << 20), 0);
  EXPECT_EQ(ErrorOf(good), "no error");
  for (const size_t size : {size_t{1}, size_t{7}, good.size() / 2, good.size() - 1}) {
    EXPECT_THAT(ErrorOf(good.substr(0, size)), HasSubstr("in the middle of its compressed data"));
  }
  std::string damaged = good;
  damaged[good.size() - 1] ^= 1;  // of the checksum
  EXPECT_THAT(ErrorOf(damaged), HasSubstr("it is damaged"));
  EXPECT_THAT(ErrorOf(good + "more"), HasSubstr("it is damaged"));
}

// A frame header that wants a window of 1 GiB (RFC 8878: descriptor 0, window descriptor 0xA0).
TEST(ZstdRandomAccess, RefusesALargeWindow) {
  EXPECT_THAT(ErrorOf(std::string("\x28\xB5\x2F\xFD\x00\xA0\x01\x00\x00", 9)),
              HasSubstr("window of more than 128 MiB"));
}

// Blocks that repeat one byte 128 KiB times take four bytes each.
TEST(ZstdRandomAccess, RefusesABomb) {
  std::string bomb("\x28\xB5\x2F\xFD\x00\x58", 6);  // window of 2 MiB
  for (int i = 0; i < 20000; ++i) bomb.append("\x02\x00\x10\x00", 4);
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("more than 1000 times its size"));
}

TEST(ZstdRandomAccess, KnowsItsMagic) {
  EXPECT_TRUE(IsZstd(CompressZstd("x", 0)));
  EXPECT_TRUE(IsZstd(absl::string_view("\x5E\x2A\x4D\x18\x00", 5)));
  EXPECT_FALSE(IsZstd("GGUF"));
  EXPECT_FALSE(IsZstd("\x28\xB5"));
}

}  // namespace
}  // namespace gguf
