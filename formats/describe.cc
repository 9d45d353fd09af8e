#include "formats/describe.h"

#include "absl/strings/str_cat.h"
#include "formats/general_metadata.h"
#include "formats/model_card.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr absl::string_view kModelCard = "README.md";
constexpr uint64_t kMaxCardBytes = uint64_t{4} << 20;
constexpr uint64_t kMaxOverrideBytes = uint64_t{4} << 20;

}  // namespace

absl::Status DescribeModel(const Folder& folder, absl::string_view model_name, Metadata* metadata,
                           std::vector<std::string>* paths, std::vector<std::string>* warnings) {
  const std::string name =
      model_name.empty() ? ModelNameOf(FolderName(folder)) : std::string(model_name);
  if (!name.empty()) metadata->Set(keys::kGeneralName, name);
  if (!HasFile(folder, kModelCard)) return absl::OkStatus();
  const std::string path = JoinPath(folder, kModelCard);
  GGUF_ASSIGN_OR_RETURN(const std::string card, ReadFileIn(folder, kModelCard, kMaxCardBytes));
  const std::string fault = SetModelCard(card, metadata);
  if (!fault.empty()) {
    warnings->push_back(absl::StrCat(path, ": ", fault, ", and nothing is taken from it"));
  }
  if (!model_name.empty()) metadata->Set(keys::kGeneralName, name);
  paths->push_back(path);
  return absl::OkStatus();
}

absl::Status ApplyOverrides(absl::string_view metadata_file, Metadata* metadata,
                            std::vector<std::string>* paths) {
  if (metadata_file.empty()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(metadata_file, kMaxOverrideBytes));
  GGUF_RETURN_IF_ERROR(SetOverrides(metadata_file, text, metadata));
  paths->emplace_back(metadata_file);
  return absl::OkStatus();
}

}  // namespace gguf
