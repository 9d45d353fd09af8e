#include "tools/evaluate_commands/text_model.h"

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {

absl::StatusOr<TextModel> OpenTextModel(const std::string& path) {
  TextModel result;
  GGUF_ASSIGN_OR_RETURN(result.model, Model::Open(path));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Load(result.model->metadata());
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(),
                        absl::StrCat(path, ": ", tokenizer.status().message()));
  }
  result.tokenizer = *std::move(tokenizer);
  result.warnings = result.tokenizer->warnings();
  return result;
}

void CheckContext(uint32_t context, TextModel* model) {
  const uint32_t trained = model->model->config().context_length;
  if (context <= trained) return;
  model->warnings.push_back(absl::StrCat("a context of ", context, " tokens is more than the ",
                                         trained, " the model was trained for"));
}

void PrintWarnings(const TextModel& model, const CommonOptions& common) {
  if (!common.json) PrintWarnings(model.warnings, common);
}

}  // namespace gguf
