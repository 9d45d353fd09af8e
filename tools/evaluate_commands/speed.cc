// evaluate speed -m MODEL -f TEXT: how fast a model is, once, in a process of its own.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/text_windows.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::SpeedResult;

constexpr size_t kBytesPerToken = 32;  // more than most texts have

// Resident memory of this process at its highest, 0 where the system does not say. (The figure of
// getrusage would be that of the process which started this one, if that was the greater.)
double PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    uint64_t kibibytes = 0;
    if (!absl::StartsWith(line, "VmHWM:")) continue;
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    for (const std::string& word : words) {
      if (absl::SimpleAtoi(word, &kibibytes)) return 1024.0 * kibibytes;
    }
  }
  return 0.0;
}

class Stopwatch {
 public:
  // Seconds since it was made or asked for the last time.
  double Lap() {
    const absl::Time now = absl::Now();
    const double seconds = absl::ToDoubleSeconds(now - last_);
    last_ = now;
    return seconds;
  }

 private:
  absl::Time last_ = absl::Now();
};

double Rate(double tokens, double seconds) { return seconds > 0.0 ? tokens / seconds : 0.0; }

std::string ToText(const SpeedResult& r) {
  return absl::StrFormat(
      "prompt     %.0f tokens, %.1f tokens/s, the next token after %.3f s\n"
      "generated  %.0f tokens, %.1f tokens/s\nloading    %.2f s\nmemory     %s at most\n",
      r.prompt_tokens(), r.prompt_tokens_per_second(), r.first_token_seconds(),
      r.generated_tokens(), r.tokens_per_second(), r.load_seconds(),
      FormatSize(static_cast<uint64_t>(r.peak_bytes())));
}

class SpeedCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    app->add_option("-f,--file", text_, "the text that is read, taken as it is")
        ->required()
        ->type_name("TEXT");
    app->add_option("--prompt-tokens", prompt_, "tokens of the prompt, the first of the text")
        ->check(CLI::Range(1u, kMaxContext / 2))
        ->capture_default_str();
    app->add_option("-n,--n-predict", generated_,
                    "tokens run one by one as in generation: those that follow in the text, so "
                    "that every model does the same work")
        ->check(CLI::Range(kMinWindow, kMaxContext / 2))
        ->capture_default_str();
  }

  absl::Status Run(const CommonOptions& common) override {
    Stopwatch watch;
    GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(model_, common));
    options.context = prompt_ + generated_;
    GGUF_ASSIGN_OR_RETURN(TextModel model, OpenTextModel(model_.model));
    CheckContext(options.context, &model);
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                          MakeDecoder(model_, *model.model, options));
    if (decoder->cache() == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(model_.model, " is an encoder, expected a model that continues texts"));
    }
    GGUF_ASSIGN_OR_RETURN(const TextWindows windows, ReadTokens(*model.tokenizer));
    // One token brings the weights into memory, whatever the system had of them.
    const auto tokens = absl::MakeConstSpan(windows.tokens);
    GGUF_RETURN_IF_ERROR(decoder->Decode(tokens.first(1), Outputs::kLast).status());
    GGUF_RETURN_IF_ERROR(decoder->cache()->Truncate(0, 0));
    SpeedResult result;
    result.set_load_seconds(watch.Lap());
    GGUF_RETURN_IF_ERROR(Measure(tokens, decoder.get(), &watch, &result));
    result.set_schema_version(kSchemaVersion);
    result.set_model(ToUtf8(model_.model));
    result.set_text(ToUtf8(text_));
    result.set_threads(common.threads);
    result.set_peak_bytes(PeakBytes());
    for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
    PrintWarnings(model, common);
    if (!common.json) return PrintResult(ToText(result));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

 private:
  // The first tokens of the text. Only its beginning is encoded, where that suffices: the memory of
  // a whole book's tokens is not the model's.
  absl::StatusOr<TextWindows> ReadTokens(const Tokenizer& tokenizer) const {
    const uint32_t count = prompt_ + generated_;
    GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(text_, kMaxTextBytes));
    const std::string beginning = text.substr(0, kBytesPerToken * count);
    absl::StatusOr<TextWindows> windows = MakeTextWindows(tokenizer, text_, beginning, count, 1);
    if (!windows.ok() && beginning.size() < text.size()) {
      windows = MakeTextWindows(tokenizer, text_, text, count, 1);
    }
    if (!absl::IsInvalidArgument(windows.status())) return windows;
    return absl::InvalidArgumentError(
        absl::StrCat(text_, " has fewer than the ", count, " tokens that --prompt-tokens and -n ",
                     "take together: use a longer text, or smaller numbers"));
  }

  absl::Status Measure(absl::Span<const int32_t> tokens, Decoder* decoder, Stopwatch* watch,
                       SpeedResult* result) const {
    watch->Lap();
    GGUF_ASSIGN_OR_RETURN(std::vector<float> logits,
                          decoder->Decode(tokens.first(prompt_), Outputs::kLast));
    const double prompt_seconds = watch->Lap();
    double choosing = 0.0;  // of the next token, as a generation does
    for (uint32_t i = 0; i < generated_; ++i) {
      if (Interrupted().load()) return absl::CancelledError("interrupted");
      if (!(*std::max_element(logits.begin(), logits.end()) > -HUGE_VALF)) {
        return absl::FailedPreconditionError(
            absl::StrCat(model_.model, " gives logits that are no numbers; check its weights ",
                         "with 'gguf verify'"));
      }
      if (i == 0) choosing = watch->Lap();
      GGUF_ASSIGN_OR_RETURN(logits, decoder->Decode({tokens[prompt_ + i]}, Outputs::kLast));
    }
    result->set_prompt_tokens(prompt_);
    result->set_generated_tokens(generated_);
    result->set_first_token_seconds(prompt_seconds + choosing);
    result->set_prompt_tokens_per_second(Rate(prompt_, prompt_seconds));
    result->set_tokens_per_second(Rate(generated_, watch->Lap()));
    return absl::OkStatus();
  }

  ModelOptions model_;
  std::string text_;
  uint32_t prompt_ = 512, generated_ = 64;
};

}  // namespace

std::unique_ptr<EvaluateCommand> MakeSpeedCommand() { return std::make_unique<SpeedCommand>(); }

}  // namespace gguf
