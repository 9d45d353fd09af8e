// Prints the tokens of a text as a model sees them.

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "formats/open.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tools/cli/cli.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Prints the tokens of a text as a model sees them, one per line with its id.\n"
    "Example: tokenize -m model.gguf -f text.txt --ids";

struct Flags {
  CommonOptions common;
  std::string model, text;
  bool ids = false, no_bos = false, no_parse_special = false;
};

void AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("-m,--model", flags->model, "GGUF file or checkpoint folder")
      ->required()
      ->type_name("MODEL");
  app->add_option("-f,--file", flags->text, "the text, taken as it is")
      ->required()
      ->type_name("TEXT");
  app->add_flag("--ids", flags->ids, "only the ids, on one line, separated by spaces");
  app->add_flag("--no-bos", flags->no_bos, "add no tokens at the beginning and the end");
  app->add_flag("--no-parse-special", flags->no_parse_special,
                "control tokens such as <|im_end|> are ordinary text");
  AddCommonOptions(app, /*has_json=*/true, kNothingVerbose, &flags->common);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(const Flags& flags,
                                                         std::vector<std::string>* warnings) {
  OpenOptions options;
  options.vocab_only = true;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> model,
                        OpenSource(flags.model, options));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Load(model->metadata());
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(),
                        absl::StrCat(flags.model, ": ", tokenizer.status().message()));
  }
  *warnings = model->warnings();
  warnings->insert(warnings->end(), (*tokenizer)->warnings().begin(),
                   (*tokenizer)->warnings().end());
  return tokenizer;
}

std::string TokensText(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) {
    absl::StrAppendFormat(&text, "%7d  \"%s\"\n", id, EscapeText(tokenizer.Piece(id)));
  }
  return absl::StrCat(text, ids.size(), ids.size() == 1 ? " token\n" : " tokens\n");
}

absl::StatusOr<std::string> TokensJson(const Flags& flags, const Tokenizer& tokenizer,
                                       const std::vector<int32_t>& ids,
                                       const std::vector<std::string>& warnings) {
  gguf_toolchain::TokenizeResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_model(ToUtf8(flags.model));
  for (const int32_t id : ids) {
    gguf_toolchain::Token* token = result.add_tokens();
    token->set_id(id);
    token->set_text(ToUtf8(tokenizer.Piece(id)));
  }
  for (const std::string& warning : warnings) result.add_warnings(ToUtf8(warning));
  return ToJson(result);
}

absl::Status Tokenize(const Flags& flags) {
  std::vector<std::string> warnings;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                        LoadTokenizer(flags, &warnings));
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(flags.text, kMaxTextBytes));
  EncodeOptions options;
  options.add_special = !flags.no_bos;
  options.parse_special = !flags.no_parse_special;
  const absl::StatusOr<std::vector<int32_t>> ids = tokenizer->Encode(text, options);
  if (!ids.ok()) {
    return absl::Status(ids.status().code(),
                        absl::StrCat(flags.text, ": ", ids.status().message()));
  }
  if (flags.common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, TokensJson(flags, *tokenizer, *ids, warnings));
    return PrintResult(json);
  }
  PrintWarnings(warnings, flags.common);
  return PrintResult(flags.ids ? absl::StrCat(absl::StrJoin(*ids, " "), "\n")
                               : TokensText(*tokenizer, *ids));
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "tokenize");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Tokenize(flags); });
}
