// Files in memory, and files that fail on purpose: for tests.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_MEMORY_FILE_H_
#define GGUF_TOOLCHAIN_GGUF_IO_MEMORY_FILE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "gguf/io/file.h"

namespace gguf {

// Reads from a byte string. `declared_size` larger than the bytes imitates a file that shrank.
class MemoryFile : public RandomAccessFile {
 public:
  MemoryFile(std::string name, std::string bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)), size_(bytes_.size()) {}
  MemoryFile(std::string name, std::string bytes, uint64_t declared_size)
      : name_(std::move(name)), bytes_(std::move(bytes)), size_(declared_size) {}

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return size_; }
  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override;

 private:
  std::string name_;
  std::string bytes_;
  uint64_t size_;
};

// Collects writes in a byte string of fixed size (zeros where nothing was written).
// `fail_after` >= 0: that many writes succeed, later ones return ResourceExhausted.
class MemoryOutput : public WritableFile {
 public:
  MemoryOutput(std::string name, uint64_t size, int64_t fail_after = -1)
      : name_(std::move(name)), bytes_(size, '\0'), writes_left_(fail_after) {}

  const std::string& name() const override { return name_; }
  absl::Status Write(uint64_t offset, absl::Span<const uint8_t> bytes) override;
  const std::string& bytes() const { return bytes_; }

 private:
  std::string name_;
  std::string bytes_;
  std::atomic<int64_t> writes_left_;  // negative: unlimited
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_MEMORY_FILE_H_
