#include "formats/open.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/arch/arch.h"
#include "formats/archive.h"
#include "formats/checkpoint.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/io/zstd_file.h"

namespace gguf {
namespace {

constexpr absl::string_view kGgufMagic = "GGUF";
constexpr size_t kFirstBytes = 32;
constexpr absl::string_view kCheckpoint =
    "the folder of a Hugging Face checkpoint (with config.json and safetensors files), which "
    "may be packed as .tar.zst";
constexpr absl::string_view kAccepted =
    "a GGUF file (which may be compressed with zstd), or the folder of a Hugging Face checkpoint "
    "(with config.json and safetensors "
    "files), which may be packed as .tar.zst";

// What files that people try instead begin with.
struct OtherKind {
  absl::string_view magic;
  absl::string_view description;
};
constexpr OtherKind kOtherKinds[] = {
    {"PK\x03\x04", "a zip archive or a PyTorch checkpoint"},
    {"\x80\x02", "a Python pickle"},
    {"ggjt", "a model in a format older than GGUF"},
    {"tjgg", "a model in a format older than GGUF"},
    {"lmgg", "a model in a format older than GGUF"},
    {"\x7F"
     "ELF",
     "a program"},
    {"version https://git-lfs", "a Git LFS pointer, not the file it stands for"},
    {"GGUF", "a GGUF file already"},
    {"\x1F\x8B", "a file compressed with gzip"},
    {"\xFD"
     "7zXZ",
     "a file compressed with xz"},
    {"<", "a web page or XML"},
};

absl::Status NotAModel(absl::string_view path, absl::string_view bytes,
                       absl::string_view expected) {
  std::string found = bytes.empty()
                          ? "an empty file"
                          : absl::StrCat("a file that begins with \"", EscapeText(bytes, 8), "\"");
  for (const OtherKind& kind : kOtherKinds) {
    if (absl::StartsWith(bytes, kind.magic)) found = std::string(kind.description);
  }
  if (absl::EndsWith(path, ".safetensors")) {
    found = "one safetensors file, whose folder is what can be converted";
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": is ", found, "; expected ", expected, "."));
}

absl::Status NotACheckpoint(absl::string_view folder) {
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(folder));
  const bool has_gguf = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return absl::EndsWith(name, ".gguf");
  });
  return absl::InvalidArgumentError(absl::StrCat(folder, ": is a folder ",
                                                 has_gguf
                                                     ? "of GGUF files, one of which must be named"
                                                 : names.empty() ? "without files"
                                                                 : "without config.json",
                                                 "; expected ", kAccepted, "."));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TensorSource>> OpenSource(absl::string_view path,
                                                         const OpenOptions& options) {
  if (KindOf(path) == PathKind::kFolder) {
    if (!HasFile(path, "config.json")) return NotACheckpoint(path);
    return OpenCheckpoint(path, options);
  }
  if (IsArchive(path)) return OpenCheckpoint(path, options);
  GGUF_ASSIGN_OR_RETURN(const std::string bytes, FirstDecompressedBytes(path, kFirstBytes));
  if (!absl::StartsWith(bytes, kGgufMagic)) return NotAModel(path, bytes, kAccepted);
  return OpenGgufSource(path);
}

absl::StatusOr<std::unique_ptr<TensorSource>> OpenCheckpoint(absl::string_view path,
                                                             const OpenOptions& options) {
  if (KindOf(path) == PathKind::kFile && !IsArchive(path)) {
    GGUF_ASSIGN_OR_RETURN(const std::string bytes, FirstDecompressedBytes(path, kFirstBytes));
    return NotAModel(path, bytes, kCheckpoint);
  }
  GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(path));
  return Checkpoint::Open(folder, options);
}

std::vector<absl::string_view> SupportedArchitectures() {
  std::vector<absl::string_view> names;
  for (const Family* family : AllFamilies()) {
    for (const ModelClass& model_class : family->classes) names.push_back(model_class.architecture);
  }
  return names;
}

}  // namespace gguf
