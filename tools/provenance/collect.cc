#include "tools/provenance/collect.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <tuple>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/reader.h"

namespace gguf {
namespace {

// Whatever their values, the bytes are the same.
constexpr absl::string_view kIdleOptions[] = {
    "THREADS", "dry-run", "force",  "help",    "json",    "memory-limit", "progress", "provenance",
    "quiet",   "report",  "resume", "threads", "verbose", "verify",       "version",
};

// "out.gguf" of "a/b/out.gguf"; of "." and ".." the folder's own name.
std::string LastPart(absl::string_view path) {
  while (path.size() > 1 && absl::EndsWith(path, "/")) path.remove_suffix(1);
  std::string name(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
  if (name != "." && name != "..") return ToUtf8(name);
  std::error_code error;
  const auto whole = std::filesystem::canonical(std::string(path), error);
  return ToUtf8(error ? name : whole.filename().string());
}

// What is stated of an option's value.
std::string Stated(const std::string& value) {
  const bool is_path = absl::StartsWith(value, "/") || KindOf(value) != PathKind::kNothing;
  const bool may_be_path = absl::EndsWith(value, ".gguf") || absl::EndsWith(value, ".json");
  return is_path || may_be_path ? LastPart(value) : ToUtf8(value);
}

std::string NameOf(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return option.get_lnames()[0];
  return option.get_snames().empty() ? option.get_name() : option.get_snames()[0];
}

}  // namespace

ProvenanceInputs CollectInputs(const CLI::App& app, absl::Span<const std::string> source_paths,
                               absl::Span<const std::string> output_paths) {
  ProvenanceInputs inputs;
  const absl::flat_hash_set<std::string> outputs(output_paths.begin(), output_paths.end());
  absl::btree_set<std::string> paths(source_paths.begin(), source_paths.end());
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = NameOf(*option);
    if (option->count() == 0 || std::find(std::begin(kIdleOptions), std::end(kIdleOptions), name) !=
                                    std::end(kIdleOptions)) {
      continue;
    }
    std::vector<std::string> values;
    for (const std::string& value : option->results()) {
      values.push_back(Stated(value));
      if (outputs.count(value) == 0) paths.insert(value);
    }
    inputs.options.emplace_back(name, std::move(values));
  }
  std::sort(inputs.options.begin(), inputs.options.end());
  for (const std::string& path : paths) {
    if (KindOf(path) == PathKind::kFile) inputs.paths.push_back(path);
  }
  return inputs;
}

absl::StatusOr<std::vector<StatedFile>> HashFiles(absl::Span<const std::string> paths,
                                                  const HashOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> digests, HashPaths(paths, options));
  std::vector<StatedFile> stated;
  for (size_t i = 0; i < paths.size(); ++i) stated.push_back({LastPart(paths[i]), digests[i]});
  const auto key = [](const StatedFile& file) { return std::tie(file.name, file.sha256); };
  std::sort(stated.begin(), stated.end(),
            [&](const StatedFile& a, const StatedFile& b) { return key(a) < key(b); });
  stated.erase(std::unique(stated.begin(), stated.end(),
                           [&](const StatedFile& a, const StatedFile& b) {
                             return key(a) == key(b);  // one file under two names
                           }),
               stated.end());
  return stated;
}

absl::StatusOr<Statement> MakeStatement(const gguf_toolchain::WriteResult& result,
                                        const gguf_toolchain::OutputResult& output,
                                        const ProvenanceInputs& inputs,
                                        const std::vector<StatedFile>& dependencies,
                                        const HashOptions& options) {
  Statement statement;
  statement.program = result.program();
  statement.version = result.version();
  statement.options = inputs.options;
  statement.type = output.type();
  statement.effort = output.effort();
  statement.dependencies = dependencies;
  GGUF_ASSIGN_OR_RETURN(statement.finished, TimeOfEpoch(std::getenv("SOURCE_DATE_EPOCH")));
  GGUF_ASSIGN_OR_RETURN(const GgufModel model, GgufModel::Open(output.paths(0)));
  GGUF_ASSIGN_OR_RETURN(const ModelHashes hashes, HashModel(model, options));
  for (size_t i = 0; i < hashes.files.size(); ++i) {
    statement.subjects.push_back({LastPart(model.shards()[i].name()), hashes.files[i]});
  }
  if (model.tensors().size() != static_cast<size_t>(output.tensors_size())) {
    return absl::DataLossError(absl::StrCat("'", output.paths(0), "' holds ",
                                            model.tensors().size(), " tensors, ",
                                            output.tensors_size(), " were written"));
  }
  for (size_t i = 0; i < hashes.tensors.size(); ++i) {
    const gguf_toolchain::TensorResult& written = output.tensors(static_cast<int>(i));
    StatedTensor tensor;
    tensor.name = ToUtf8(model.tensors()[i].name);
    tensor.type = written.type();
    tensor.source_type = written.source_type();
    tensor.sha256 = hashes.tensors[i];
    if (written.has_error()) {
      tensor.relative_rmse = written.error().relative_rmse();
      tensor.max_abs_error = written.error().max_abs_error();
    }
    statement.tensors.push_back(std::move(tensor));
  }
  return statement;
}

}  // namespace gguf
