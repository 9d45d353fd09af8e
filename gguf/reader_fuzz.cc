// Any bytes: the reader answers with an error or with a file whose every tensor can be read and
// whose head can be written and read again, the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "gguf/layout.h"
#include "gguf/reader.h"

namespace gguf {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void ReadAllTensors(const GgufFile& file) {
  for (const TensorInfo& tensor : file.tensors()) {
    std::vector<uint8_t> data(tensor.num_bytes);
    Require(file.ReadTensorBytes(tensor, 0, absl::MakeSpan(data)).ok());
  }
}

void WriteAndReadAgain(const GgufFile& file) {
  std::vector<TensorSpec> tensors;
  for (const TensorInfo& tensor : file.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.shape});
  }
  const auto layout = ComputeLayout(file.metadata(), tensors);
  Require(layout.ok());
  if (layout->file_size > (1 << 24)) return;  // many tensors, each padded to a large alignment
  std::string bytes = layout->head;
  bytes.resize(layout->file_size);
  const auto again = GgufFile::Open(std::make_unique<MemoryFile>("again", std::move(bytes)));
  Require(again.ok());
  Require(again->metadata().entries() == file.metadata().entries());
  Require(again->tensors().size() == file.tensors().size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    Require(again->tensors()[i].num_bytes == file.tensors()[i].num_bytes);
  }
}

}  // namespace
}  // namespace gguf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto file =
      gguf::GgufFile::Open(std::make_unique<gguf::MemoryFile>("fuzz", std::move(bytes)));
  if (!file.ok()) return 0;
  gguf::ReadAllTensors(*file);
  gguf::WriteAndReadAgain(*file);
  for (const auto& [key, value] : file->metadata().entries()) {
    gguf::Require(!value.ToString().empty());
  }
  return 0;
}
