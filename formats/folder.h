// Folders of files, on disk or in an archive: which files there are, and what is in them.

#ifndef GGUF_TOOLCHAIN_FORMATS_FOLDER_H_
#define GGUF_TOOLCHAIN_FORMATS_FOLDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/io/file.h"

namespace gguf {

enum class PathKind { kNothing, kFile, kFolder, kOther };
PathKind KindOf(absl::string_view path);

// What a folder that is none on disk has to answer. File names may have slashes. Thread-safe.
class FolderContents {
 public:
  virtual ~FolderContents() = default;
  virtual bool HasFile(absl::string_view file_name) const = 0;
  virtual std::vector<std::string> ListFiles() const = 0;  // directly inside, sorted
  virtual std::string folder_name() const = 0;
  // Says what reading has taken so far. Does not keep the contents in memory.
  virtual std::function<std::string()> reading_note() const = 0;
  virtual absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(
      absl::string_view file_name) const = 0;
};

// Cheap to copy. Any path is one, so that functions of a folder take a path as well; whether there
// is a folder shows when it is used.
class Folder {
 public:
  Folder(absl::string_view path) : path_(path) {}   // NOLINT: implicit, see above
  Folder(const std::string& path) : path_(path) {}  // NOLINT
  Folder(const char* path) : path_(path) {}         // NOLINT
  Folder(absl::string_view path, std::shared_ptr<const FolderContents> contents)
      : path_(path), contents_(std::move(contents)) {}

  // What messages call it: the path of the folder or of the archive.
  const std::string& path() const { return path_; }
  bool exists() const { return contents_ != nullptr || KindOf(path_) == PathKind::kFolder; }
  // Null: a folder on disk.
  const FolderContents* contents() const { return contents_.get(); }

 private:
  std::string path_;
  std::shared_ptr<const FolderContents> contents_;
};

// True when `folder` has a regular file (or a link to one) of that name.
bool HasFile(const Folder& folder, absl::string_view file_name);

// "folder/name", without doubling a slash: the path of a file, or what messages call one that is in
// an archive.
std::string JoinPath(const Folder& folder, absl::string_view file_name);

// Names of the regular files directly inside, sorted. NotFound or PermissionDenied, naming it.
absl::StatusOr<std::vector<std::string>> ListFiles(const Folder& folder);

// As OpenFile and ReadFileToString (gguf/io/file.h) for a file of the folder.
absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFileIn(const Folder& folder,
                                                             absl::string_view file_name);
absl::StatusOr<std::string> ReadFileIn(const Folder& folder, absl::string_view file_name,
                                       uint64_t max_bytes);

// Last component of a path, links and "." resolved where the path is no name by itself; empty for
// the root. Of an archive: the folder that was packed.
std::string FolderName(const Folder& folder);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_FOLDER_H_
