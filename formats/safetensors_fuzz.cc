// Any bytes as a safetensors file and as an index: refused, or every tensor can be read.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "formats/safetensors.h"
#include "formats/safetensors_set.h"
#include "gguf/io/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file = gguf::SafetensorsFile::Open(std::make_unique<gguf::MemoryFile>("f", bytes));
  if (file.ok()) {
    uint64_t total = 0;
    for (const gguf::SafetensorsTensor& tensor : file->tensors()) {
      std::vector<uint8_t> values(tensor.num_bytes);  // at most the file, as tensors tile it
      if (!file->Read(tensor, 0, absl::MakeSpan(values)).ok()) std::abort();
      total += tensor.num_bytes;
    }
    if (total > size) std::abort();
  }
  const auto index = gguf::ParseSafetensorsIndex("i", bytes);
  if (index.ok()) {
    for (const std::string& name : index->file_names) {
      if (name.find('/') != std::string::npos || name == "..") std::abort();
    }
    for (const auto& [tensor, position] : index->indexed_tensors) {
      if (position >= index->file_names.size()) std::abort();
    }
  }
  return 0;
}
