// Any bytes: a legacy importance matrix or an error. What is read is finite and not negative.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gguf/io/memory_file.h"
#include "importance/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const gguf::MemoryFile file("fuzz", std::string(reinterpret_cast<const char*>(data), size));
  const auto read = gguf::ReadLegacyImportance(file);
  if (!read.ok()) return 0;
  uint64_t bytes = 0;
  for (const auto& [name, entry] : read->entries) {
    bytes += name.size() + entry.sums.size() * sizeof(float);
    for (const float weight : gguf::ImportanceWeights(entry)) {
      if (!std::isfinite(weight) || weight < 0) std::abort();
    }
  }
  if (read->entries.empty() || bytes > size) std::abort();
  return 0;
}
