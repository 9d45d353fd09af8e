// A checkpoint in a zstd-compressed tar archive (model.tar.zst), read without unpacking it.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCHIVE_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCHIVE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/folder.h"

namespace gguf {

// Small files (all but weights), and the headers of the weights, are kept from the first pass over
// the archive up to this many bytes in all; others are decompressed again when they are opened.
inline constexpr uint64_t kMaxKeptBytes = uint64_t{128} << 20;

// True when the file at `path` begins as a zstd file does, and is not a compressed GGUF.
bool IsArchive(absl::string_view path);

// The folder at `path`, or the folder inside the archive at `path` that holds config.json or
// adapter_config.json: the outermost one. An archive is decompressed once here, to list and check
// it. Errors are those of ReadTar and ZstdRandomAccess; InvalidArgument also for a file that occurs
// twice, a link or device in the checkpoint's folder, no such folder, or several.
absl::StatusOr<Folder> OpenFolder(absl::string_view path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCHIVE_H_
