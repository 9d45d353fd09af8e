#include "formats/safetensors_set.h"

#include <algorithm>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/json.h"
#include "formats/name_list.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"

namespace gguf {
namespace {

constexpr absl::string_view kIndexName = "model.safetensors.index.json";
constexpr uint64_t kMaxIndexBytes = uint64_t{64} << 20;

bool IsPlainFileName(absl::string_view name) {
  return !name.empty() && name != "." && name != ".." && !absl::StrContains(name, '/') &&
         !absl::StrContains(name, '\\') && !absl::StrContains(name, absl::string_view("\0", 1));
}

absl::Status NoSafetensors(const Folder& folder, const std::vector<std::string>& names) {
  NameList pickles;
  for (const std::string& name : names) {
    if (absl::StartsWith(name, "pytorch_model") && absl::EndsWith(name, ".bin")) pickles.Add(name);
  }
  if (pickles.count() > 0) {
    return absl::NotFoundError(
        absl::StrCat(folder.path(), ": has only PyTorch pickles (", pickles.ToString(),
                     "), which are programs and are not run; save the model as safetensors first: "
                     "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER, "
                     "safe_serialization=True)."));
  }
  return absl::NotFoundError(
      absl::StrCat(folder.path(), ": has neither ", kIndexName,
                   " nor a model*.safetensors file; download the weights into the folder."));
}

absl::StatusOr<SafetensorsFiles> FindFiles(const Folder& folder) {
  if (HasFile(folder, kIndexName)) {
    const std::string path = JoinPath(folder, kIndexName);
    GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, kIndexName, kMaxIndexBytes));
    return ParseSafetensorsIndex(path, text);
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(folder));
  SafetensorsFiles files;
  for (const std::string& name : names) {
    if (absl::StartsWith(name, "model") && absl::EndsWith(name, ".safetensors")) {
      files.file_names.push_back(name);
    }
  }
  if (files.file_names.empty()) return NoSafetensors(folder, names);
  return files;
}

absl::Status CheckFilesExist(const Folder& folder, const SafetensorsFiles& files) {
  NameList missing;
  for (const std::string& name : files.file_names) {
    if (!HasFile(folder, name)) missing.Add(name);
  }
  if (missing.count() == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      folder.path(), ": ", missing.count(), " of the ", files.file_names.size(), " files in ",
      kIndexName, " are missing: ", missing.ToString(), "; download them."));
}

// The part of an indexed set in whose files at least one tensor is wanted.
SafetensorsFiles FilesWith(const std::function<bool(absl::string_view)>& is_wanted,
                           const SafetensorsFiles& files) {
  std::vector<bool> is_kept(files.file_names.size(), false);
  for (const auto& [name, file] : files.indexed_tensors) {
    if (is_wanted(name)) is_kept[file] = true;
  }
  SafetensorsFiles kept;
  kept.has_index = true;
  std::vector<size_t> new_number(files.file_names.size());
  for (size_t file = 0; file < files.file_names.size(); ++file) {
    if (!is_kept[file]) continue;
    new_number[file] = kept.file_names.size();
    kept.file_names.push_back(files.file_names[file]);
  }
  for (const auto& [name, file] : files.indexed_tensors) {
    if (is_kept[file]) kept.indexed_tensors.emplace_back(name, new_number[file]);
  }
  return kept;
}

// Index and files must list the same tensors in the same places.
absl::Status CheckIndex(absl::string_view folder, const SafetensorsFiles& files,
                        const SafetensorsSet& set,
                        const absl::flat_hash_map<absl::string_view, uint32_t>& file_of) {
  absl::flat_hash_map<absl::string_view, size_t> indexed;
  NameList missing;
  for (const auto& [name, file] : files.indexed_tensors) {
    indexed.emplace(name, file);
    const auto found = file_of.find(name);
    if (found == file_of.end() || found->second != file) {
      missing.Add(absl::StrCat(name, " (in ", files.file_names[file], ")"));
    }
  }
  if (missing.count() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": ", kIndexName, " lists ", missing.count(),
        " tensors that are not where it says: ", missing.ToString(), "; download it again."));
  }
  NameList extra;
  for (const SafetensorsSet::Entry& entry : set.entries()) {
    const std::string& name = set.files()[entry.file].tensors()[entry.tensor].name;
    if (!indexed.contains(name)) {
      extra.Add(absl::StrCat(name, " (in ", files.file_names[entry.file], ")"));
    }
  }
  if (extra.count() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      folder, ": the files hold ", extra.count(), " tensors that ", kIndexName,
      " does not list: ", extra.ToString(), "; the files are from different versions."));
}

}  // namespace

absl::StatusOr<SafetensorsFiles> ParseSafetensorsIndex(absl::string_view file_name,
                                                       absl::string_view text) {
  GGUF_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(file_name, text));
  const Json::Object* weight_map = json.FindObject("weight_map");
  if (weight_map == nullptr || weight_map->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_name, ": has no weight_map object with the file of every tensor; download it again."));
  }
  absl::btree_map<std::string, size_t> position;  // by name
  for (const auto& [tensor, file] : *weight_map) {
    if (file.string() == nullptr || !IsPlainFileName(*file.string())) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_name, ": weight_map places tensor \"", EscapeText(tensor, 80), "\" in ",
                       file.Describe(), ", expected the plain name of a file in the same folder."));
    }
    position.emplace(*file.string(), 0);
  }
  SafetensorsFiles files;
  files.has_index = true;
  for (auto& [name, index] : position) {
    index = files.file_names.size();
    files.file_names.push_back(name);
  }
  for (const auto& [tensor, file] : *weight_map) {
    files.indexed_tensors.emplace_back(tensor, position[*file.string()]);
  }
  return files;
}

absl::StatusOr<SafetensorsSet> SafetensorsSet::OpenFile(const Folder& folder,
                                                        absl::string_view file_name) {
  SafetensorsSet set;
  set.paths_.push_back(JoinPath(folder, file_name));
  GGUF_ASSIGN_OR_RETURN(auto bytes, OpenFileIn(folder, file_name));
  GGUF_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(std::move(bytes)));
  set.files_.push_back(std::move(file));
  for (uint32_t tensor = 0; tensor < set.files_[0].tensors().size(); ++tensor) {
    set.entries_.push_back({0, tensor});
  }
  return set;
}

absl::StatusOr<SafetensorsSet> SafetensorsSet::Open(const Folder& folder) {
  GGUF_ASSIGN_OR_RETURN(const SafetensorsFiles files, FindFiles(folder));
  return OpenFiles(folder, files);
}

absl::StatusOr<SafetensorsSet> SafetensorsSet::OpenFilesWith(
    const Folder& folder, const std::function<bool(absl::string_view name)>& is_wanted) {
  GGUF_ASSIGN_OR_RETURN(const SafetensorsFiles files, FindFiles(folder));
  return OpenFiles(folder, files.has_index ? FilesWith(is_wanted, files) : files);
}

absl::StatusOr<SafetensorsSet> SafetensorsSet::OpenFiles(const Folder& folder,
                                                         const SafetensorsFiles& files) {
  GGUF_RETURN_IF_ERROR(CheckFilesExist(folder, files));
  SafetensorsSet set;
  if (files.has_index) set.paths_.push_back(JoinPath(folder, kIndexName));
  for (const std::string& name : files.file_names) {
    set.paths_.push_back(JoinPath(folder, name));
    GGUF_ASSIGN_OR_RETURN(auto bytes, OpenFileIn(folder, name));
    GGUF_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(std::move(bytes)));
    set.files_.push_back(std::move(file));
  }
  absl::flat_hash_map<absl::string_view, uint32_t> file_of;
  for (uint32_t file = 0; file < set.files_.size(); ++file) {
    const std::vector<SafetensorsTensor>& tensors = set.files_[file].tensors();
    for (uint32_t tensor = 0; tensor < tensors.size(); ++tensor) {
      const auto [first, is_new] = file_of.emplace(tensors[tensor].name, file);
      if (!is_new) {
        return absl::InvalidArgumentError(
            absl::StrCat(folder.path(), ": tensor ", tensors[tensor].name, " is both in ",
                         files.file_names[first->second], " and in ", files.file_names[file],
                         "; remove the files that do not belong to the checkpoint."));
      }
      set.entries_.push_back({file, tensor});
    }
  }
  if (files.has_index) GGUF_RETURN_IF_ERROR(CheckIndex(folder.path(), files, set, file_of));
  return set;
}

}  // namespace gguf
