// Any bytes: a GGUF importance matrix or an error. What is read gives finite weights that are not
// negative, and takes no more memory than the file.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "gguf/io/memory_file.h"
#include "gguf/reader.h"
#include "importance/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = gguf::GgufFile::Open(std::make_unique<gguf::MemoryFile>("fuzz", bytes));
  if (!file.ok()) return 0;
  const auto read = gguf::ReadGgufImportance(*file);
  if (!read.ok()) return 0;
  uint64_t num_bytes = 0;
  for (const auto& [name, entry] : read->entries) {
    num_bytes += (entry.sums.size() + entry.counts.size()) * sizeof(float);
    for (const float weight : gguf::ImportanceWeights(entry)) {
      if (!std::isfinite(weight) || weight < 0) std::abort();
    }
  }
  if (read->entries.empty() || num_bytes > size) std::abort();
  return 0;
}
