// Whole-file operations: set and remove keys, split, merge. Tensors are copied bit for bit.

#ifndef GGUF_TOOLCHAIN_GGUF_EDIT_EDIT_H_
#define GGUF_TOOLCHAIN_GGUF_EDIT_EDIT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/edit/write_parts.h"
#include "gguf/metadata.h"
#include "gguf/reader.h"
#include "gguf/split.h"

namespace gguf {

// Each plans what WriteParts then writes, so that a caller can show the plan first.

// The one file `file` with `set` added or replaced in place, then `remove` removed. `output` empty:
// the file is to be replaced, through a symbolic link the file it leads to (write with
// replace_input). NotFound names a key to remove that is not there.
absl::StatusOr<ModelPart> PlanSetKeys(const GgufModel& file, absl::string_view output,
                                      absl::Span<const Metadata::Entry> set,
                                      absl::Span<const std::string> remove);

// Shards `<prefix>-00001-of-0000N.gguf`; with a single shard the same name. Without limits at most
// 128 tensors per shard.
absl::StatusOr<std::vector<ModelPart>> PlanSplit(const GgufModel& model, absl::string_view prefix,
                                                 SplitOptions options);

// All tensors in one file, without the split keys.
ModelPart PlanMerge(const GgufModel& model, absl::string_view output);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_EDIT_EDIT_H_
