#include "tools/evaluate_commands/kl.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/divergence.h"
#include "runtime/evaluate/logits_base.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/step_progress.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

gguf_toolchain::DivergenceResult Describe(const DivergenceResult& measured) {
  gguf_toolchain::DivergenceResult result;
  const std::vector<float> kld = measured.SortedKld();
  const Proportion top1 = measured.top1_agreement();
  result.set_schema_version(kSchemaVersion);
  result.set_tokens(static_cast<double>(measured.kld().count()));
  result.set_mean_kld(measured.kld().mean());
  result.set_mean_kld_stderr(measured.kld().standard_error());
  result.set_median_kld(Percentile(kld, 0.5));
  result.set_p90_kld(Percentile(kld, 0.9));
  result.set_p95_kld(Percentile(kld, 0.95));
  result.set_p99_kld(Percentile(kld, 0.99));
  result.set_p999_kld(Percentile(kld, 0.999));
  result.set_max_kld(Percentile(kld, 1.0));
  result.set_top1_agreement(top1.value);
  result.set_top1_agreement_stderr(top1.standard_error);
  result.set_mean_delta_p(measured.delta_p().mean());
  result.set_mean_delta_p_stderr(measured.delta_p().standard_error());
  result.set_rms_delta_p(measured.rms_delta_p());
  result.set_rms_delta_p_stderr(measured.rms_delta_p_stderr());
  const double perplexity = std::exp(measured.nll().mean());
  const double base_perplexity = std::exp(measured.base_nll().mean());
  result.set_perplexity(perplexity);
  result.set_perplexity_stderr(perplexity * measured.nll().standard_error());
  result.set_base_perplexity(base_perplexity);
  result.set_base_perplexity_stderr(base_perplexity * measured.base_nll().standard_error());
  result.set_log_ratio(measured.log_ratio().mean());
  result.set_log_ratio_stderr(measured.log_ratio().standard_error());
  return result;
}

std::string ToText(const gguf_toolchain::DivergenceResult& r) {
  std::string text;
  const auto line = [&](const char* name, double value, double error, const char* unit) {
    absl::StrAppendFormat(&text, "%-28s %11.6f", name, value);
    if (error >= 0.0) absl::StrAppendFormat(&text, " +- %.6f", error);
    absl::StrAppend(&text, unit, "\n");
  };
  line("mean KL divergence", r.mean_kld(), r.mean_kld_stderr(), "");
  line("median", r.median_kld(), -1.0, "");
  line("90 % of tokens are below", r.p90_kld(), -1.0, "");
  line("95 %", r.p95_kld(), -1.0, "");
  line("99 %", r.p99_kld(), -1.0, "");
  line("99.9 %", r.p999_kld(), -1.0, "");
  line("largest", r.max_kld(), -1.0, "");
  line("same likeliest token", 100.0 * r.top1_agreement(), 100.0 * r.top1_agreement_stderr(), " %");
  line("RMS change of probability", 100.0 * r.rms_delta_p(), 100.0 * r.rms_delta_p_stderr(), " %");
  line("mean change of probability", 100.0 * r.mean_delta_p(), 100.0 * r.mean_delta_p_stderr(),
       " %");
  line("perplexity", r.perplexity(), r.perplexity_stderr(), "");
  line("perplexity of the base", r.base_perplexity(), r.base_perplexity_stderr(), "");
  line("log of their ratio", r.log_ratio(), r.log_ratio_stderr(), "");
  absl::StrAppendFormat(&text, "%.0f tokens of %.0f windows of %d, %.1f s\n", r.tokens(),
                        r.windows(), r.context(), r.seconds());
  return text;
}

// The base's windows, checked against the text if one was given.
absl::StatusOr<TextWindows> Windows(const LogitsBaseReader& base, const std::string& text_path,
                                    const TextModel& model) {
  TextWindows windows = base.windows();
  // llama-perplexity does not say which token it put in front: what the model asks for.
  if (base.fingerprint().empty() && model.tokenizer->add_bos()) {
    windows.bos = model.tokenizer->bos();
  }
  if (text_path.empty()) return windows;
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(text_path, kMaxTextBytes));
  GGUF_ASSIGN_OR_RETURN(
      const TextWindows expected,
      MakeTextWindows(*model.tokenizer, text_path, text, windows.context, windows.count));
  if (expected.tokens != windows.tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", base.name(), "' was made of another text than ", text_path,
                     " or with another tokenizer, expected a base of the same tokens"));
  }
  return windows;
}

class KlCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    app->add_option("--base", base_,
                    "base file of 'evaluate logits -f' or llama-perplexity --save-all-logits")
        ->required()
        ->type_name("FILE");
    app->add_option("-f,--file", text_, "check that the base was made of this text")
        ->type_name("TEXT");
  }

  absl::Status Run(const CommonOptions& common) override {
    GGUF_ASSIGN_OR_RETURN(const gguf_toolchain::DivergenceResult result,
                          MeasureKl(model_, base_, text_, common));
    if (!common.json) return PrintResult(ToText(result));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

 private:
  ModelOptions model_;
  std::string base_, text_;
};

}  // namespace

absl::StatusOr<gguf_toolchain::DivergenceResult> MeasureKl(const ModelOptions& model_options,
                                                           const std::string& base_path,
                                                           const std::string& text_path,
                                                           const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(model_options, common));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<LogitsBaseReader> base,
                        LogitsBaseReader::Open(base_path));
  GGUF_ASSIGN_OR_RETURN(TextModel model, OpenTextModel(model_options.model));
  GGUF_ASSIGN_OR_RETURN(const TextWindows windows, Windows(*base, text_path, model));
  options.context = windows.context;
  CheckContext(options.context, &model);
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                        MakeDecoder(model_options, *model.model, options));
  GGUF_RETURN_IF_ERROR(base->CheckModel(*model.model, decoder->vocabulary()));
  PrintWarnings(model, common);
  StepProgress progress("window", windows.count, common);
  GGUF_ASSIGN_OR_RETURN(
      const DivergenceResult measured,
      MeasureDivergence(windows, base.get(), decoder.get(), common.threads,
                        [&](const DivergenceResult& so_far, uint32_t done) {
                          return progress.Update(
                              done,
                              absl::StrFormat("mean KL divergence %.6f +- %.6f",
                                              so_far.kld().mean(), so_far.kld().standard_error()));
                        }));
  gguf_toolchain::DivergenceResult result = Describe(measured);
  result.set_model(ToUtf8(model_options.model));
  result.set_base(ToUtf8(base_path));
  result.set_context(static_cast<int32_t>(windows.context));
  result.set_windows(windows.count);
  result.set_seconds(progress.seconds());
  for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
  return result;
}

std::unique_ptr<EvaluateCommand> MakeKlCommand() { return std::make_unique<KlCommand>(); }

}  // namespace gguf
