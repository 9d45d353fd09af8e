// Adding up importance matrices of different texts or of parts of one.

#ifndef GGUF_TOOLCHAIN_IMPORTANCE_MERGE_H_
#define GGUF_TOOLCHAIN_IMPORTANCE_MERGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "importance/data.h"

namespace gguf {

// Data of a legacy file (chunk_size 0) counts chunks; from here on it counts tokens, of which a
// chunk has `chunk_size`. Other data keeps its numbers.
void CountTokens(uint32_t chunk_size, ImportanceData* data);

// Chunks of data.chunk_size tokens that the greatest count makes: floor(count / chunk_size).
uint32_t CountChunks(const ImportanceData& data);

// InvalidArgument, naming both files and the entry, when an entry that both have differs in size:
// one of them is of another model. `expected` is the one taken to be right.
absl::Status CheckSameModel(const ImportanceData& data, const ImportanceData& expected);

// Adds sums and counts of `more` to `total`, entry by entry, and appends its datasets; the number
// of chunks is counted again. An entry whose single count stands for all experts (of a legacy file)
// in `total` takes the counts of `more` on top of it. InvalidArgument names file and entry:
// CheckSameModel, counts per expert on top of which a single one would come, sums or counts that
// overflow. `total` is then as before.
absl::Status MergeImportance(const ImportanceData& more, ImportanceData* total);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_IMPORTANCE_MERGE_H_
