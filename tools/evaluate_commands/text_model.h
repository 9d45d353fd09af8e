// A model with its tokenizer, for commands that run it on text.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_TEXT_MODEL_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_TEXT_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/model.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tools/cli/cli.h"

namespace gguf {

struct TextModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::string> warnings;  // what the tokenizer says, and what is added
};

// Errors name the file: those of Model::Open and Tokenizer::Load.
absl::StatusOr<TextModel> OpenTextModel(const std::string& path);

// Adds a warning when the context exceeds what the model was trained for.
void CheckContext(uint32_t context, TextModel* model);

// Prints the warnings, unless the result is JSON, which holds them.
void PrintWarnings(const TextModel& model, const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_TEXT_MODEL_H_
