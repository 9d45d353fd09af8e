// evaluate perplexity -m MODEL -f TEXT: how well a model predicts a text.

#include "tools/evaluate_commands/perplexity.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/logits_base.h"
#include "runtime/evaluate/perplexity.h"
#include "runtime/evaluate/text_windows.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/step_progress.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

std::string Estimate(const PerplexityResult& result) {
  return absl::StrFormat("perplexity %.4f +- %.4f", result.perplexity(), result.standard_error());
}

class PerplexityCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    AddTextOptions(app, &text_)->required();
  }

  absl::Status Run(const CommonOptions& common) override {
    return RunPerplexity(model_, text_, "", false, common);
  }

 private:
  ModelOptions model_;
  TextOptions text_;
};

}  // namespace

CLI::Option* AddTextOptions(CLI::App* app, TextOptions* options) {
  app->add_option("-c,--ctx-size", options->context, "tokens of a window; its second half counts")
      ->check(CLI::Range(kMinWindow, kMaxContext))
      ->capture_default_str();
  app->add_option("--chunks", options->chunks, "most windows used [all]");
  return app->add_option("-f,--file", options->text, "the text, taken as it is")->type_name("TEXT");
}

absl::Status RunPerplexity(const ModelOptions& model_options, const TextOptions& text_options,
                           const std::string& base_path, bool replace,
                           const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(model_options, common));
  options.context = text_options.context;
  GGUF_ASSIGN_OR_RETURN(TextModel model, OpenTextModel(model_options.model));
  CheckContext(options.context, &model);
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                        MakeDecoder(model_options, *model.model, options));
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(text_options.text, kMaxTextBytes));
  GGUF_ASSIGN_OR_RETURN(const TextWindows windows,
                        MakeTextWindows(*model.tokenizer, text_options.text, text,
                                        text_options.context, text_options.chunks));
  std::unique_ptr<LogitsBaseWriter> base;
  if (!base_path.empty()) {
    GGUF_ASSIGN_OR_RETURN(base,
                          LogitsBaseWriter::Create(base_path, replace, windows,
                                                   static_cast<uint32_t>(decoder->vocabulary()),
                                                   FingerprintOf(*model.model)));
  }
  PrintWarnings(model, common);
  StepProgress progress("window", windows.count, common);
  GGUF_ASSIGN_OR_RETURN(const PerplexityResult measured,
                        MeasurePerplexity(windows, decoder.get(), common.threads, base.get(),
                                          [&](const PerplexityResult& so_far) {
                                            return progress.Update(so_far.windows,
                                                                   Estimate(so_far));
                                          }));
  if (base != nullptr) GGUF_RETURN_IF_ERROR(base->Commit());
  const double seconds = progress.seconds();
  if (common.quiet && base != nullptr && !common.json) return absl::OkStatus();
  if (!common.json) {
    return PrintResult(absl::StrFormat("%s  (%d tokens of %d windows of %d, %.1f s)\n",
                                       Estimate(measured), measured.nll.count(), measured.windows,
                                       windows.context, seconds));
  }
  gguf_toolchain::PerplexityResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_model(ToUtf8(model_options.model));
  result.set_text(ToUtf8(text_options.text));
  result.set_context(static_cast<int32_t>(windows.context));
  result.set_windows(measured.windows);
  result.set_tokens(static_cast<double>(measured.nll.count()));
  result.set_perplexity(measured.perplexity());
  result.set_perplexity_stderr(measured.standard_error());
  result.set_mean_nll(measured.nll.mean());
  result.set_mean_nll_stderr(measured.nll.standard_error());
  result.set_seconds(seconds);
  result.set_tokens_per_second(seconds > 0 ? windows.tokens.size() / seconds : 0.0);
  for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
  GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
  return PrintResult(json);
}

std::unique_ptr<EvaluateCommand> MakePerplexityCommand() {
  return std::make_unique<PerplexityCommand>();
}

}  // namespace gguf
