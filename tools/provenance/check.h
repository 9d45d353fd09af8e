// Whether a model is the one that a statement (statement.h) is about.

#ifndef GGUF_TOOLCHAIN_TOOLS_PROVENANCE_CHECK_H_
#define GGUF_TOOLCHAIN_TOOLS_PROVENANCE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/hash_model.h"
#include "gguf/reader.h"
#include "tools/provenance/statement.h"

namespace gguf {

// One sentence per deviation: a file that the statement does not name or that has another digest,
// a file of the statement that the model lacks, a tensor that is missing, unknown, or has another
// type or digest. A file that is compressed counts as what it decompresses to, under its name
// without ".zst".
std::vector<std::string> CompareWithStatement(const Statement& statement, const GgufModel& model,
                                              const ModelHashes& hashes);

// The same of what the artifact was made from: every dependency must be a file of its name in one
// of `places` (folders, or files themselves), with its digest. Errors of reading; Cancelled.
absl::StatusOr<std::vector<std::string>> CompareSources(const Statement& statement,
                                                        absl::Span<const std::string> places,
                                                        const HashOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_PROVENANCE_CHECK_H_
