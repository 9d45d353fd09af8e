#include "formats/pooling.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "formats/json.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 20;

// Values of pooling_type (llama.h, August 2026).
constexpr struct {
  absl::string_view flag;
  uint32_t type;
} kModes[] = {
    {"pooling_mode_mean_tokens", 1}, {"pooling_mode_cls_token", 2}, {"pooling_mode_lasttoken", 3}};

// What a module of a sentence-transformers model may be, by the end of its type: the model itself,
// pooling, or what changes no direction (a runtime normalizes on its own).
constexpr absl::string_view kModules[] = {"Transformer", "Pooling", "Normalize"};

absl::StatusOr<Json> ReadJson(const Folder& folder, absl::string_view file_name,
                              std::vector<std::string>* paths) {
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, file_name, kMaxBytes));
  const std::string path = JoinPath(folder, file_name);
  paths->push_back(path);
  return ParseJson(path, text);
}

// Folder of the Pooling module, relative to the checkpoint's; nullopt: there is none.
absl::StatusOr<absl::optional<std::string>> PoolingFolder(const std::string& path,
                                                          const Json& modules) {
  if (modules.array() == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is ", modules.Describe(), ", expected a list; download it again."));
  }
  absl::optional<std::string> pooling;
  for (const Json& module : *modules.array()) {
    const std::string* type = module.FindString("type");
    const std::string* folder = module.FindString("path");
    const bool is_known =
        type != nullptr && std::any_of(std::begin(kModules), std::end(kModules),
                                       [&](auto end) { return absl::EndsWith(*type, end); });
    if (!is_known) {
      return absl::UnimplementedError(absl::StrCat(
          path, ": has the module ", type == nullptr ? "without a type" : EscapeText(*type, 80),
          ", and a GGUF can only express ", absl::StrJoin(kModules, ", "),
          "; its embeddings would be others."));
    }
    if (!absl::EndsWith(*type, "Pooling") || pooling.has_value()) continue;
    if (folder == nullptr || folder->empty() || absl::StrContains(*folder, "..") ||
        folder->front() == '/') {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": the path of the Pooling module is ",
                       folder == nullptr ? "missing" : EscapeText(*folder, 80),
                       ", expected a folder below this one; download the file again."));
    }
    pooling = *folder;
  }
  return pooling;
}

// Several ways at once are concatenated, which a GGUF cannot say.
absl::StatusOr<uint32_t> PoolingType(absl::string_view path, const Json& config) {
  std::vector<std::string> flags;
  for (const auto& [key, value] : config.object() == nullptr ? Json::Object() : *config.object()) {
    const bool* flag = value.boolean();
    if (absl::StartsWith(key, "pooling_mode_") && flag != nullptr && *flag) flags.push_back(key);
  }
  for (const auto& [flag, type] : kModes) {
    if (flags.size() == 1 && flags[0] == flag) return type;
  }
  for (std::string& flag : flags) flag = EscapeText(flag, 80);
  return absl::UnimplementedError(
      absl::StrCat(path, ": ", flags.empty() ? "no pooling_mode_..." : absl::StrJoin(flags, ", "),
                   flags.size() > 1 ? " are" : " is",
                   " true, and a GGUF can only express one of pooling_mode_mean_tokens, "
                   "pooling_mode_cls_token and pooling_mode_lasttoken."));
}

}  // namespace

absl::Status SetPooling(const Folder& folder, absl::string_view architecture, Metadata* metadata,
                        std::vector<std::string>* paths) {
  if (!HasFile(folder, "modules.json")) return absl::OkStatus();
  const std::string modules_path = JoinPath(folder, "modules.json");
  GGUF_ASSIGN_OR_RETURN(const Json modules, ReadJson(folder, "modules.json", paths));
  GGUF_ASSIGN_OR_RETURN(const absl::optional<std::string> pooling,
                        PoolingFolder(modules_path, modules));
  if (!pooling.has_value()) return absl::OkStatus();
  const std::string file_name = JoinPath(*pooling, "config.json");
  if (!HasFile(folder, file_name)) {
    return absl::NotFoundError(absl::StrCat(
        JoinPath(folder, file_name), ": is missing, which ", modules_path,
        " names as the pooling of this sentence-transformers model; download it into the folder"));
  }
  GGUF_ASSIGN_OR_RETURN(const Json config, ReadJson(folder, file_name, paths));
  const std::string config_path = JoinPath(folder, file_name);
  GGUF_ASSIGN_OR_RETURN(const uint32_t type, PoolingType(config_path, config));
  metadata->Set(ArchitectureKey(architecture, keys::kPoolingType), type);
  return absl::OkStatus();
}

}  // namespace gguf
