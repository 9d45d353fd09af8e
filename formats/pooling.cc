#include "formats/pooling.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
  for (const Json& module : *modules.array()) {
    const std::string* type = module.FindString("type");
    const std::string* folder = module.FindString("path");
    if (type == nullptr || !absl::EndsWith(*type, "Pooling")) continue;
    if (folder == nullptr || folder->empty() || absl::StrContains(*folder, "..") ||
        folder->front() == '/') {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": the path of the Pooling module is ",
                       folder == nullptr ? "missing" : EscapeText(*folder, 80),
                       ", expected a folder below this one; download the file again."));
    }
    return absl::optional<std::string>(*folder);
  }
  return absl::optional<std::string>();
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
  GGUF_ASSIGN_OR_RETURN(const Json config, ReadJson(folder, file_name, paths));
  for (const auto& [flag, type] : kModes) {
    if (!config.FindTrue(flag)) continue;
    metadata->Set(ArchitectureKey(architecture, keys::kPoolingType), type);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(JoinPath(folder, file_name),
                   ": none of pooling_mode_mean_tokens, pooling_mode_cls_token and "
                   "pooling_mode_lasttoken is true, and a GGUF can express no other way."));
}

}  // namespace gguf
