// --provenance: statements (tools/provenance) beside the outputs of a run.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_STATEMENTS_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_STATEMENTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tools/cli/cli.h"
#include "tools/provenance/collect.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Writes `text` as a file that appears when it is complete.
absl::Status WriteTextFile(const std::string& text, const std::string& path, bool replace);

// Before the work: gives each output of `result` the path of its statement, and collects what is
// read and was asked for. `app` is the program, `source_paths` what its sources read. AlreadyExists
// without `replace`, and other errors of creating files.
absl::StatusOr<ProvenanceInputs> PrepareStatements(const CLI::App& app,
                                                   absl::Span<const std::string> source_paths,
                                                   absl::Span<const std::string> reports,
                                                   bool replace,
                                                   gguf_toolchain::WriteResult* result);

// After it. Hashes everything once, with a progress bar.
absl::Status WriteStatements(const gguf_toolchain::WriteResult& result,
                             const ProvenanceInputs& inputs, bool replace,
                             const CommonOptions& common);

// `status` of what followed the work itself, as an error that says so: all but `what` is done.
absl::Status AfterTheWork(const absl::Status& status, absl::string_view what);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_WRITE_STATEMENTS_H_
