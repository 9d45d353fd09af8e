// Writing importance data as either of its file formats (see formats.h), as llama-imatrix would.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_WRITE_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_WRITE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "importance/data.h"

namespace gguf {

enum class ImportanceFormat {
  kGguf,
  kLegacy,  // means per matrix instead of sums and counts; entries without any count are left out
};

struct WriteImportanceOptions {
  ImportanceFormat format = ImportanceFormat::kGguf;
  bool replace = false;  // an existing file
};

// Writes `path`, which appears only when complete. data.chunk_size is at least 1. InvalidArgument:
// no entry that could be written, an entry's name that GGUF cannot take (63 bytes with its suffix),
// numbers beyond a legacy file's int32; else as OutputFile.
absl::Status WriteImportance(const ImportanceData& data, absl::string_view path,
                             const WriteImportanceOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_WRITE_H_
