#include "tools/cli/checkpoint_options.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "tools/cli/cli.h"

namespace gguf {
namespace {

constexpr struct {
  const char* flag;
  const char* help;
  const char* type_name;
  std::string OpenOptions::*field;
} kOptions[] = {
    {"--model-name", "general.name of a checkpoint [from the folder's name]", "TEXT",
     &OpenOptions::model_name},
    {"--metadata", "JSON object of metadata that overrides the checkpoint's", "FILE.json",
     &OpenOptions::metadata_file},
    {"--pre",
     "pre-tokenizer of a checkpoint's byte-level BPE [recognised]: llama-bpe, qwen2, gpt-2, ...",
     "NAME", &OpenOptions::pre},
};

}  // namespace

void AddCheckpointOptions(CLI::App* app, OpenOptions* options) {
  for (const auto& option : kOptions) {
    app->add_option(option.flag, options->*option.field, option.help)->type_name(option.type_name);
  }
}

absl::Status CheckCheckpointOptions(absl::string_view input, const OpenOptions& options) {
  if (KindOf(input) != PathKind::kFile || IsArchive(input)) {
    return absl::OkStatus();  // opening it says what is wrong
  }
  for (const auto& option : kOptions) {
    if ((options.*option.field).empty()) continue;
    return UsageError(absl::StrCat(option.flag, " is for checkpoints, and ", input,
                                   " is none; gguf set changes the metadata of a GGUF"));
  }
  return absl::OkStatus();
}

}  // namespace gguf
