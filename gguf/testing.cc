#include "gguf/testing.h"

#include <fstream>
#include <memory>

#include "gguf/base/status_macros.h"
#include "gguf/io/memory_file.h"
#include "gguf/writer.h"

namespace gguf {

std::string PatternBytes(size_t tensor, uint64_t num_bytes) {
  std::string bytes(num_bytes, '\0');
  for (uint64_t i = 0; i < num_bytes; ++i)
    bytes[i] = static_cast<char>((7 * tensor + 13 * i) % 251);
  return bytes;
}

absl::StatusOr<std::string> MakeGguf(const Metadata& metadata, absl::Span<const TensorSpec> tensors,
                                     absl::Span<const std::string> data) {
  GGUF_ASSIGN_OR_RETURN(const Layout layout, ComputeLayout(metadata, tensors));
  MemoryOutput file("test.gguf", layout.file_size);
  GGUF_ASSIGN_OR_RETURN(const GgufWriter writer, GgufWriter::Create(&layout, &file));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const bool is_given = i < data.size() && !data[i].empty();
    const std::string bytes = is_given ? data[i] : PatternBytes(i, layout.sizes[i]);
    GGUF_RETURN_IF_ERROR(writer.WriteTensorBytes(
        i, 0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())));
  }
  return file.bytes();
}

absl::StatusOr<GgufFile> OpenBytes(std::string bytes) {
  return GgufFile::Open(std::make_unique<MemoryFile>("test.gguf", std::move(bytes)));
}

bool WriteFileBytes(absl::string_view path, absl::string_view bytes) {
  std::ofstream file(std::string(path), std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return !file.fail();
}

}  // namespace gguf
