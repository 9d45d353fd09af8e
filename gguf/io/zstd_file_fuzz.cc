// Any bytes as a zstd file: refused, or every byte that is claimed can be asked for, and the two
// ways of reading them agree.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gguf/io/zstd_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kMost = uint64_t{1} << 20;
  const auto file = gguf::Decompressed(std::make_unique<gguf::MemoryFile>(
      "f", std::string(reinterpret_cast<const char*>(data), size)));
  if (!file.ok()) return 0;
  std::vector<uint8_t> whole(std::min(kMost, (*file)->size()));
  if (!(*file)->Read(0, absl::MakeSpan(whole)).ok()) return 0;
  for (size_t i = 0; i < whole.size(); i += 1 + whole.size() / 7) {
    uint8_t byte;
    if (!(*file)->Read(i, absl::MakeSpan(&byte, 1)).ok() || byte != whole[i]) std::abort();
  }
  uint8_t byte;
  if ((*file)->Read((*file)->size(), absl::MakeSpan(&byte, 1)).ok()) std::abort();
  return 0;
}
