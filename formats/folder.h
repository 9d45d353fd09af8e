// Looking into a folder: which files it has, never what is in them (gguf/io/file.h reads those).

#ifndef GGUF_TOOLCHAIN_FORMATS_FOLDER_H_
#define GGUF_TOOLCHAIN_FORMATS_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

enum class PathKind { kNothing, kFile, kFolder, kOther };
PathKind KindOf(absl::string_view path);

// True when `folder` has a regular file (or a link to one) of that name.
bool HasFile(absl::string_view folder, absl::string_view file_name);

// "folder/name", without doubling a slash.
std::string JoinPath(absl::string_view folder, absl::string_view file_name);

// Names of the regular files directly inside, sorted. NotFound or PermissionDenied, naming it.
absl::StatusOr<std::vector<std::string>> ListFiles(absl::string_view folder);

// Last component of a path, links and "." resolved where the path is no name by itself; empty for
// the root.
std::string FolderName(absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_FOLDER_H_
