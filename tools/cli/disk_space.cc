#include "tools/cli/disk_space.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "gguf/base/sizes.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

namespace fs = std::filesystem;

// The nearest folder above a path that exists.
fs::path ExistingFolder(const std::string& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path, error);
  while (!fs::is_directory(folder, error) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

struct Disk {
  fs::path folder;
  dev_t device = 0;
  uint64_t bytes = 0;
};

std::string Describe(const Disk& disk) {
  std::string text = absl::StrCat(FormatSize(disk.bytes), " will be written to ",
                                  EscapeText(disk.folder.string(), 200));
  std::error_code error;
  const fs::space_info space = fs::space(disk.folder, error);
  if (error) return text;
  const bool fits = disk.bytes <= space.available;
  absl::StrAppend(&text, ", where ", fits ? "" : "only ", FormatSize(space.available), " are free");
  if (!fits) absl::StrAppend(&text, ": ", FormatSize(disk.bytes - space.available), " are missing");
  return text;
}

}  // namespace

std::vector<std::string> DescribeDiskSpace(absl::Span<const DiskNeed> needs) {
  std::vector<Disk> disks;
  for (const DiskNeed& need : needs) {
    const fs::path folder = ExistingFolder(need.path);
    struct stat status = {};
    const bool is_known = stat(folder.c_str(), &status) == 0;
    Disk* disk = nullptr;
    for (Disk& other : disks) {
      if (is_known && other.device == status.st_dev) disk = &other;
    }
    if (disk == nullptr) disk = &disks.emplace_back(Disk{folder, status.st_dev, 0});
    disk->bytes += need.bytes;
  }
  std::vector<std::string> sentences;
  for (const Disk& disk : disks) sentences.push_back(Describe(disk));
  return sentences;
}

}  // namespace gguf
