#include "tools/benchmark_steps/candidate.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "tools/benchmark_steps/tensor_errors.h"
#include "tools/cli/write_command.h"

namespace gguf {
namespace {

bool IsFolderOrArchive(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return true;
  return absl::EndsWith(path, ".tar.zst") || absl::EndsWith(path, ".tzst");
}

// "models/llama-{type}.gguf" -> "llama".
std::string Stem(absl::string_view path) {
  return std::string(absl::StripSuffix(
      std::filesystem::path(DefaultOutput(path)).filename().string(), "-{type}.gguf"));
}

absl::StatusOr<std::string> IdentityOfModel(const std::string& path) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source, OpenSource(path, {}));
  return IdentityOf(source->input_paths());
}

// The model that is quantized, beside its types, is called by its own.
absl::Status NameSource(const BenchmarkRequest& request, std::vector<Candidate>* candidates) {
  for (Candidate& candidate : *candidates) {
    if (candidate.path != request.model.model) continue;
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source,
                          OpenSource(candidate.path, {}));
    const std::string type = FileTypeOf(source->metadata());
    const bool is_taken =
        std::any_of(candidates->begin(), candidates->end(),
                    [&](const Candidate& other) { return other.name == type; }) ||
        std::find(request.types.begin(), request.types.end(), type) != request.types.end();
    if (!type.empty() && !is_taken) candidate.name = type;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HowMade(const BenchmarkRequest& request) {
  std::string how = absl::StrCat(kVersion, " ", NameOf(request.effort));
  if (request.imatrix.empty()) return how;
  GGUF_ASSIGN_OR_RETURN(const std::string imatrix, IdentityOf({request.imatrix}));
  return absl::StrCat(how, " with ", imatrix);
}

}  // namespace

absl::StatusOr<std::string> IdentityOf(absl::Span<const std::string> paths) {
  std::string identity;
  for (const std::string& path : paths) {
    struct stat info = {};
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    if (error || stat(path.c_str(), &info) != 0) {
      return absl::NotFoundError(
          absl::StrCat("cannot find '", path, "', expected a file that can be read"));
    }
    absl::StrAppend(&identity, identity.empty() ? "" : "; ",
                    ToUtf8(whole.lexically_normal().string()), ", ", info.st_size, " bytes, ",
                    info.st_mtim.tv_sec, ".", absl::Dec(info.st_mtim.tv_nsec, absl::kZeroPad9));
  }
  return identity;
}

std::vector<std::string> ShortNames(absl::Span<const std::string> paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(Stem(path));
  if (absl::flat_hash_set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return {paths.begin(), paths.end()};
  }
  if (names.size() < 2) return names;
  absl::string_view common = names[0];
  for (const std::string& name : names) {
    const size_t longest = std::min(common.size(), name.size());
    const size_t same =
        std::mismatch(common.begin(), common.begin() + longest, name.begin()).first -
        common.begin();
    common = common.substr(0, same);
  }
  const size_t dash = common.rfind('-');
  if (dash == absl::string_view::npos) return names;
  for (const std::string& name : names) {
    if (name.size() == dash + 1) return names;
  }
  for (std::string& name : names) name = name.substr(dash + 1);
  return names;
}

absl::StatusOr<std::vector<Candidate>> FindCandidates(const BenchmarkRequest& request,
                                                      absl::string_view folder) {
  std::vector<std::string> files;
  if (!request.base.empty()) files.push_back(request.base);
  const bool runs_source = !request.model.model.empty() && !IsFolderOrArchive(request.model.model);
  if (runs_source) files.push_back(request.model.model);
  for (const std::string& path : request.models) files.push_back(path);
  std::vector<std::string> kept;
  for (const std::string& path : files) {
    const bool is_known = std::any_of(kept.begin(), kept.end(), [&](const std::string& other) {
      return other == path || IsSameFile(other, path);
    });
    if (!is_known) kept.push_back(path);
  }
  std::vector<Candidate> candidates;
  const std::vector<std::string> names = ShortNames(kept);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (IsFolderOrArchive(kept[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", kept[i], "' is a checkpoint, expected a GGUF file: convert it, or name ",
          "it with --model and the types to quantize it to with --types"));
    }
    GGUF_ASSIGN_OR_RETURN(std::string identity, IdentityOfModel(kept[i]));
    candidates.push_back({ToUtf8(names[i]), kept[i], "", std::move(identity)});
  }
  if (request.types.empty()) return candidates;
  GGUF_RETURN_IF_ERROR(NameSource(request, &candidates));
  GGUF_ASSIGN_OR_RETURN(const std::string source, IdentityOfModel(request.model.model));
  GGUF_ASSIGN_OR_RETURN(const std::string how, HowMade(request));
  const std::string stem = Stem(request.model.model);
  for (const std::string& type : request.types) {
    candidates.push_back({type, absl::StrCat(folder, "/", stem, "-", type, ".gguf"), type,
                          absl::StrCat(type, " of (", source, ") by ", how)});
  }
  return candidates;
}

}  // namespace gguf
