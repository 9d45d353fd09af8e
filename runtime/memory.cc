#include "runtime/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"

namespace gguf {
namespace {

constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

uint64_t SystemAvailable() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  uint64_t kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return kUnknown;
}

// The first word of a file as a number; `kUnknown` when it is none ("max").
uint64_t ReadNumber(const char* path) {
  std::ifstream file(path);
  std::string word;
  uint64_t value = 0;
  return file >> word && absl::SimpleAtoi(word, &value) ? value : kUnknown;
}

// Pages of mapped files count as used, but are given up when needed.
uint64_t GroupAvailable() {
  const uint64_t limit = ReadNumber("/sys/fs/cgroup/memory.max");
  if (limit == kUnknown) return kUnknown;
  std::ifstream file("/sys/fs/cgroup/memory.stat");
  std::string key;
  uint64_t value = 0, anonymous = 0;
  while (file >> key >> value) {
    if (key == "anon") anonymous = value;
  }
  return limit - std::min(limit, anonymous);
}

}  // namespace

uint64_t AvailableMemory() { return std::min(SystemAvailable(), GroupAvailable()); }

absl::Status CheckMemory(absl::string_view path, const MemoryNeed& need, uint64_t available) {
  if (need.total() <= available) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(path, " needs ", FormatSize(need.total()), " of memory (weights ",
                   FormatSize(need.weights), ", key-value cache ", FormatSize(need.cache),
                   ", buffers ", FormatSize(need.buffers), "), but ", FormatSize(available),
                   " are available: use a smaller context, cache type or model"));
}

}  // namespace gguf
