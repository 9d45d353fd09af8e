#include "formats/testing.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace gguf {
namespace fs = std::filesystem;
namespace {

void WriteFile(const fs::path& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
}

fs::path NewFolder(absl::string_view name) {
  const fs::path folder = fs::path(::testing::TempDir()) / std::string(name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

}  // namespace

std::string RawSafetensors(absl::string_view header, absl::string_view data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i) & 0xFF));
  }
  return absl::StrCat(bytes, header, data);
}

std::string MakeSafetensors(const std::vector<TestTensor>& tensors) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::string data;
  for (const TestTensor& tensor : tensors) {
    const size_t begin = data.size();
    data += tensor.bytes;
    absl::StrAppend(&header, ",\"", tensor.name, "\":{\"dtype\":\"", tensor.dtype,
                    "\",\"shape\":", tensor.shape, ",\"data_offsets\":[", begin, ",", data.size(),
                    "]}");
  }
  return RawSafetensors(absl::StrCat(header, "}"), data);
}

std::string MakeFolder(absl::string_view name,
                       const std::vector<std::pair<std::string, std::string>>& files) {
  const fs::path folder = NewFolder(name);
  for (const auto& [file, content] : files) WriteFile(folder / file, content);
  return folder.string();
}

std::string FolderWith(absl::string_view folder, absl::string_view replaced,
                       absl::string_view content) {
  const fs::path source = std::string(folder);
  const fs::path copy = NewFolder(absl::StrCat(source.filename().string()));
  for (const auto& entry : fs::directory_iterator(source)) {
    if (entry.path().filename() == std::string(replaced)) continue;
    fs::create_symlink(fs::absolute(entry.path()), copy / entry.path().filename());
  }
  if (!content.empty()) WriteFile(copy / std::string(replaced), content);
  return copy.string();
}

}  // namespace gguf
