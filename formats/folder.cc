#include "formats/folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace fs = std::filesystem;
namespace {

fs::path PathOf(absl::string_view path) { return fs::path(std::string(path)); }

}  // namespace

PathKind KindOf(absl::string_view path) {
  std::error_code error;
  switch (fs::status(PathOf(path), error).type()) {
    case fs::file_type::regular:
      return PathKind::kFile;
    case fs::file_type::directory:
      return PathKind::kFolder;
    case fs::file_type::none:
    case fs::file_type::not_found:
      return PathKind::kNothing;
    default:
      return PathKind::kOther;
  }
}

bool HasFile(const Folder& folder, absl::string_view file_name) {
  if (folder.contents() != nullptr) return folder.contents()->HasFile(file_name);
  return KindOf(JoinPath(folder, file_name)) == PathKind::kFile;
}

std::string JoinPath(const Folder& folder, absl::string_view file_name) {
  const bool has_slash = absl::EndsWith(folder.path(), "/");
  return absl::StrCat(folder.path(), has_slash ? "" : "/", file_name);
}

absl::StatusOr<std::vector<std::string>> ListFiles(const Folder& folder) {
  if (folder.contents() != nullptr) return folder.contents()->ListFiles();
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator it(PathOf(folder.path()), error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code unreadable;  // a dangling link is no regular file
    if (it->is_regular_file(unreadable)) names.push_back(it->path().filename().string());
  }
  if (error) {
    const std::string message =
        absl::StrCat(folder.path(), ": the folder cannot be listed: ", error.message(), ".");
    if (error == std::errc::permission_denied) return absl::PermissionDeniedError(message);
    if (error == std::errc::no_such_file_or_directory) return absl::NotFoundError(message);
    return absl::UnknownError(message);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFileIn(const Folder& folder,
                                                             absl::string_view file_name) {
  if (folder.contents() != nullptr) return folder.contents()->OpenFile(file_name);
  return OpenFile(JoinPath(folder, file_name));
}

absl::StatusOr<std::string> ReadFileIn(const Folder& folder, absl::string_view file_name,
                                       uint64_t max_bytes) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file,
                        OpenFileIn(folder, file_name));
  return ReadToString(*file, max_bytes);
}

std::string FolderName(const Folder& folder) {
  if (folder.contents() != nullptr) return folder.contents()->folder_name();
  absl::string_view path = folder.path();
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::string name = PathOf(path).filename().string();
  if (!name.empty() && name != "." && name != ".." && name != "/") return name;
  std::error_code error;
  return fs::canonical(PathOf(path), error).filename().string();
}

}  // namespace gguf
