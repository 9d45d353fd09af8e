// The tensors of a checkpoint folder: one safetensors file or several, as one.

#ifndef GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_SET_H_
#define GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_SET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/folder.h"
#include "formats/safetensors.h"

namespace gguf {

// Which files hold a checkpoint, in the order they are read (by name): those that
// `model.safetensors.index.json` names, or else every `model*.safetensors`.
struct SafetensorsFiles {
  std::vector<std::string> file_names;  // plain names inside the folder
  // With an index: every tensor it lists and the file (index into file_names) that holds it.
  bool has_index = false;
  std::vector<std::pair<std::string, size_t>> indexed_tensors;
};

// Decodes an index. InvalidArgument when weight_map is missing, empty, or names anything but plain
// file names (a path could lead out of the folder).
absl::StatusOr<SafetensorsFiles> ParseSafetensorsIndex(absl::string_view file_name,
                                                       absl::string_view text);

// Thread-safe.
class SafetensorsSet {
 public:
  // NotFound when the folder has no safetensors files (naming what it has instead) or misses one;
  // InvalidArgument when index and files disagree or two files hold the same tensor.
  static absl::StatusOr<SafetensorsSet> Open(const Folder& folder);

  // As Open, of those files only in which, by the index, a tensor lies that `is_wanted`; of all of
  // them without an index. The others need not be there.
  static absl::StatusOr<SafetensorsSet> OpenFilesWith(
      const Folder& folder, const std::function<bool(absl::string_view name)>& is_wanted);

  // One file of the folder by itself.
  static absl::StatusOr<SafetensorsSet> OpenFile(const Folder& folder, absl::string_view file_name);

  struct Entry {
    uint32_t file;    // index into files()
    uint32_t tensor;  // index into that file's tensors()
  };

  const std::vector<SafetensorsFile>& files() const { return files_; }
  // Of all files, in file order, then header order; names are distinct.
  const std::vector<Entry>& entries() const { return entries_; }
  const SafetensorsTensor& tensor(size_t entry) const {
    return files_[entries_[entry].file].tensors()[entries_[entry].tensor];
  }

  // Reads out.size() bytes of a tensor's data from `offset`, relative to its start.
  absl::Status Read(size_t entry, uint64_t offset, absl::Span<uint8_t> out) const {
    return files_[entries_[entry].file].Read(tensor(entry), offset, out);
  }

  // True when the files lie in a stream that is read well only from front to back, and the position
  // in it at which a tensor's data begins (else: in its file).
  bool is_stream() const { return !files_.empty() && files_[0].stream_offset().has_value(); }
  uint64_t Position(size_t entry) const {
    return files_[entries_[entry].file].stream_offset().value_or(0) + tensor(entry).offset;
  }

  // The index, when there is one, and the safetensors files.
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  SafetensorsSet() = default;
  static absl::StatusOr<SafetensorsSet> OpenFiles(const Folder& folder,
                                                  const SafetensorsFiles& files);

  std::vector<SafetensorsFile> files_;
  std::vector<Entry> entries_;
  std::vector<std::string> paths_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_SAFETENSORS_SET_H_
