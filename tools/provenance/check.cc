#include "tools/provenance/check.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

absl::string_view LastPart(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

void CompareFiles(const Statement& statement, const GgufModel& model, const ModelHashes& hashes,
                  std::vector<std::string>* findings) {
  absl::flat_hash_map<std::string, std::string> stated;
  for (const StatedFile& file : statement.subjects) stated.emplace(file.name, file.sha256);
  for (size_t i = 0; i < hashes.files.size(); ++i) {
    const std::string& path = model.shards()[i].name();
    auto found = stated.find(ToUtf8(absl::StripSuffix(LastPart(path), ".zst")));
    // One file may have been renamed; of several, names say which is which.
    if (found == stated.end() && statement.subjects.size() == 1 && hashes.files.size() == 1) {
      found = stated.begin();
    }
    if (found == stated.end()) {
      findings->push_back(
          absl::StrCat("'", EscapeText(path), "': the statement names no such file"));
      continue;
    }
    if (found->second != hashes.files[i]) {
      findings->push_back(absl::StrCat("'", EscapeText(path), "': its SHA-256 is ", hashes.files[i],
                                       ", the statement says ", found->second));
    }
    stated.erase(found);
  }
  for (const StatedFile& file : statement.subjects) {
    if (stated.count(file.name) == 0) continue;
    findings->push_back(
        absl::StrCat("file '", EscapeText(file.name), "' of the statement is none of the model's"));
  }
}

void CompareTensors(const Statement& statement, const GgufModel& model, const ModelHashes& hashes,
                    std::vector<std::string>* findings) {
  absl::flat_hash_map<std::string, const StatedTensor*> stated;
  for (const StatedTensor& tensor : statement.tensors) stated.emplace(tensor.name, &tensor);
  for (size_t i = 0; i < hashes.tensors.size(); ++i) {
    const TensorInfo& tensor = model.tensors()[i];
    const std::string name = absl::StrCat("tensor '", EscapeText(tensor.name), "'");
    const auto found = stated.find(ToUtf8(tensor.name));
    if (found == stated.end()) {
      findings->push_back(absl::StrCat(name, " is not in the statement"));
      continue;
    }
    if (found->second->type != NameOf(tensor.type)) {
      findings->push_back(absl::StrCat(name, " has type ", NameOf(tensor.type),
                                       ", the statement says ",
                                       EscapeText(found->second->type, 40)));
    } else if (found->second->sha256 != hashes.tensors[i]) {
      findings->push_back(absl::StrCat(name, " has other data: its SHA-256 is ", hashes.tensors[i],
                                       ", the statement says ", found->second->sha256));
    }
    stated.erase(found);
  }
  for (const StatedTensor& tensor : statement.tensors) {
    if (stated.count(tensor.name) == 0) continue;
    findings->push_back(absl::StrCat("tensor '", EscapeText(tensor.name, 80),
                                     "' of the statement is not in the model"));
  }
}

// Where the file called `name` is; empty when nowhere. A statement's name may not lead out of the
// places.
std::string FindFile(const std::string& name, absl::Span<const std::string> places) {
  if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
    return "";
  }
  for (const std::string& place : places) {
    if (KindOf(place) == PathKind::kFolder) {
      if (HasFile(place, name)) return JoinPath(place, name);
    } else if (LastPart(place) == name) {
      return place;
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> CompareWithStatement(const Statement& statement, const GgufModel& model,
                                              const ModelHashes& hashes) {
  std::vector<std::string> findings;
  CompareFiles(statement, model, hashes, &findings);
  CompareTensors(statement, model, hashes, &findings);
  return findings;
}

absl::StatusOr<std::vector<std::string>> CompareSources(const Statement& statement,
                                                        absl::Span<const std::string> places,
                                                        const HashOptions& options) {
  std::vector<std::string> findings, paths;
  std::vector<const StatedFile*> files;
  for (const StatedFile& file : statement.dependencies) {
    const std::string path = FindFile(file.name, places);
    if (path.empty()) {
      findings.push_back(absl::StrCat("source '", EscapeText(file.name, 200),
                                      "' of the statement is in none of the places given"));
      continue;
    }
    paths.push_back(path);
    files.push_back(&file);
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> digests, HashPaths(paths, options));
  for (size_t i = 0; i < paths.size(); ++i) {
    if (digests[i] == files[i]->sha256) continue;
    findings.push_back(absl::StrCat("source '", EscapeText(paths[i]), "': its SHA-256 is ",
                                    digests[i], ", the statement says ", files[i]->sha256));
  }
  return findings;
}

}  // namespace gguf
