// Statements about what a run has written (statement.h).

#ifndef GGUF_TOOLCHAIN_TOOLS_PROVENANCE_COLLECT_H_
#define GGUF_TOOLCHAIN_TOOLS_PROVENANCE_COLLECT_H_

#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/hash_model.h"
#include "tools/provenance/statement.h"
#include "tools/report/result.pb.h"

namespace gguf {

// What can be known before the work: the command line, and the files that it and the source name.
struct ProvenanceInputs {
  std::vector<std::pair<std::string, std::vector<std::string>>> options;  // of Statement
  std::vector<std::string> paths;                                         // existing files, sorted
};

// Options that cannot change the bytes (threads, progress, memory, where reports go) are left out;
// of paths the last part stands. `source_paths` are what the source read; those among them and
// among the options' values that are files, and not in `output_paths`, are inputs.
ProvenanceInputs CollectInputs(const CLI::App& app, absl::Span<const std::string> source_paths,
                               absl::Span<const std::string> output_paths);

// Hashes each file once, in parallel. Their names are the last parts of their paths. The cost is
// one more reading of the files, mostly from the page cache when they fit into memory.
absl::StatusOr<std::vector<StatedFile>> HashFiles(absl::Span<const std::string> paths,
                                                  const HashOptions& options);

// The statement about the files of `output`, which are complete. Reads them twice: as files, and
// tensor by tensor.
absl::StatusOr<Statement> MakeStatement(const gguf_toolchain::WriteResult& result,
                                        const gguf_toolchain::OutputResult& output,
                                        const ProvenanceInputs& inputs,
                                        const std::vector<StatedFile>& dependencies,
                                        const HashOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_PROVENANCE_COLLECT_H_
