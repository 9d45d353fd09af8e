// The two file formats of importance data. Private to the data library and its tests.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_FORMATS_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_FORMATS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "gguf/reader.h"
#include "importance/data.h"

namespace gguf {

// GGUF: per entry NAME the float32 tensors NAME.in_sum2 [matrices, columns] and NAME.counts
// [matrices, 1], and the keys imatrix.datasets (strings), imatrix.chunk_count, imatrix.chunk_size
// (uint32), all required. Other tensors are ignored.
absl::StatusOr<ImportanceData> ReadGgufImportance(const GgufFile& file);

// Legacy: little-endian without magic. int32 entries; per entry int32 name length, name, int32
// calls, int32 values, float32 values; then perhaps int32 chunks, int32 length, dataset name. A
// value is the mean of squares times calls. The entries come out with one matrix, whatever the
// tensor's rank: `values` sums and `calls` (1 when 0, values being means then) as count.
absl::StatusOr<ImportanceData> ReadLegacyImportance(const RandomAccessFile& file);

// InvalidArgument, naming file and entry, when one of the sums is negative or not finite.
absl::Status CheckSums(absl::string_view file, absl::string_view entry,
                       absl::Span<const float> sums);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_FORMATS_H_
