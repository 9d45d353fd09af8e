// No file makes the reader allocate more than a stated multiple of its head.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "gguf/io/memory_file.h"
#include "gguf/parser.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace {
std::atomic<int64_t> live_bytes{0};
std::atomic<int64_t> peak_bytes{0};
}  // namespace

// Not inlined: the compiler would take malloc and free for a mismatch.
[[gnu::noinline]] void* operator new(size_t num_bytes) {
  void* memory = std::malloc(num_bytes);
  if (memory == nullptr) std::abort();
  const int64_t live = live_bytes += malloc_usable_size(memory);
  if (live > peak_bytes) peak_bytes = live;
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace gguf {
namespace {

constexpr int64_t kFixed = 2 * 1024 * 1024;
constexpr int64_t kPerByte = 32;

int64_t PeakOfParsing(const RandomAccessFile& file) {
  const int64_t before = live_bytes;
  peak_bytes = before;
  const auto head = ParseHead(file);
  return peak_bytes - before;
}

TEST(Allocation, IgnoresClaimsOfAShortFile) {
  const uint64_t huge = uint64_t{1} << 30;
  const std::string files[] = {
      RawGguf().Header(huge, huge).bytes(),
      RawGguf().Header(0, 1).Key("k", ValueType::kString).Number(huge).Bytes("text").bytes(),
      RawGguf().Header(0, 1).Key("k", ValueType::kArray).Number(0u).Number(huge).bytes(),
      RawGguf().Header(0, 1).Key("k", ValueType::kArray).Number(8u).Number(huge).bytes(),
      RawGguf().Header(0, 1).Key("k", ValueType::kArray).Number(12u).Number(huge).bytes(),
  };
  for (const std::string& bytes : files) {
    EXPECT_LT(PeakOfParsing(MemoryFile("f", bytes)), kFixed);
    // The file system claims 16 TiB, but the bytes end early: memory grows as bytes arrive.
    EXPECT_LT(PeakOfParsing(MemoryFile("f", bytes, uint64_t{1} << 44)), 4 * kFixed);
  }
}

TEST(Allocation, IsAMultipleOfTheHead) {
  constexpr uint64_t kCount = 100000;
  RawGguf keys, tensors, texts;
  keys.Header(0, kCount);
  tensors.Header(kCount, 0);
  texts.Header(0, 1).Key("k", ValueType::kArray).Number(8u).Number(kCount);
  for (uint64_t i = 0; i < kCount; ++i) {
    const std::string name = std::to_string(i);
    keys.Key(name, ValueType::kUint8).Number(uint8_t{1});
    tensors.Tensor(name, {0}, 0, 0);
    texts.Number(uint64_t{0});
  }
  for (const RawGguf* raw : {&keys, &tensors, &texts}) {
    const MemoryFile file("f", RawGguf(*raw).Pad().bytes());
    EXPECT_LT(PeakOfParsing(file), kFixed + kPerByte * static_cast<int64_t>(file.size()))
        << PeakOfParsing(file) / static_cast<double>(file.size());
    EXPECT_TRUE(ParseHead(file).ok()) << ParseHead(file).status();
  }
}

}  // namespace
}  // namespace gguf
