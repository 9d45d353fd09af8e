#include "tools/cli/write_statements.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/hash_model.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "tools/cli/progress.h"
#include "tools/provenance/statement.h"

namespace gguf {

absl::Status WriteTextFile(const std::string& text, const std::string& path, bool replace) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, text.size(), {replace}));
  GGUF_RETURN_IF_ERROR(file->Write(
      0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size())));
  return file->Commit();
}

absl::StatusOr<ProvenanceInputs> PrepareStatements(const CLI::App& app,
                                                   absl::Span<const std::string> source_paths,
                                                   absl::Span<const std::string> reports,
                                                   bool replace,
                                                   gguf_toolchain::WriteResult* result) {
  std::vector<std::string> read(source_paths.begin(), source_paths.end());
  std::vector<std::string> written(reports.begin(), reports.end());
  for (gguf_toolchain::OutputResult& output : *result->mutable_outputs()) {
    const std::string path = StatementPath(output.paths(0));
    // Removed again: the work comes first.
    GGUF_RETURN_IF_ERROR(OutputFile::Create(path, 0, {replace}).status());
    output.set_provenance(path);
    written.push_back(path);
    written.insert(written.end(), output.paths().begin(), output.paths().end());
    if (!output.importance().empty()) read.push_back(output.importance());
  }
  return CollectInputs(app, read, written);
}

absl::Status WriteStatements(const gguf_toolchain::WriteResult& result,
                             const ProvenanceInputs& inputs, bool replace,
                             const CommonOptions& common) {
  uint64_t bytes = 0;
  for (const std::string& path : inputs.paths) {
    GGUF_ASSIGN_OR_RETURN(const auto file, OpenFile(path));
    bytes += file->size();
  }
  for (const auto& output : result.outputs()) {
    bytes += static_cast<uint64_t>(output.file_bytes() + output.tensor_bytes());
  }
  ProgressBar bar("hash", bytes, common.progress, common.quiet);
  HashOptions hash;
  hash.threads = common.threads;
  hash.cancelled = &Interrupted();
  hash.progress = [&bar](uint64_t done, absl::string_view name) { bar.Advance(done, name); };
  GGUF_ASSIGN_OR_RETURN(const std::vector<StatedFile> files, HashFiles(inputs.paths, hash));
  for (const auto& output : result.outputs()) {
    if (output.misses_size() > 0) continue;  // rejected: it has no final name
    GGUF_ASSIGN_OR_RETURN(const Statement statement,
                          MakeStatement(result, output, inputs, files, hash));
    GGUF_RETURN_IF_ERROR(WriteTextFile(EncodeStatement(statement), output.provenance(), replace));
  }
  return absl::OkStatus();
}

absl::Status AfterTheWork(const absl::Status& status, absl::string_view what) {
  if (status.ok()) return status;
  if (absl::IsCancelled(status)) {
    return InterruptedAfter(absl::StrCat("all but the ", what, " is written"));
  }
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "; all but this ", what, " is done"));
}

}  // namespace gguf
