// Continues a prompt, token by token.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/sampler.h"
#include "runtime/tokenizer/chat_template.h"
#include "runtime/tokenizer/stream_decoder.h"
#include "runtime/vision/image_prompt.h"
#include "tools/cli/cli.h"
#include "tools/cli/waiting_threads.h"
#include "tools/evaluate_commands/image_embedder.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Continues a prompt, token by token. The same seed gives the same text.\n"
    "Example: generate -m model.gguf -p \"In the beginning\" -n 64 --temp 0";

struct Flags {
  CommonOptions common;
  ModelOptions model;
  SamplerOptions sampler;
  std::string prompt, file, system, mmproj;
  std::vector<std::string> images;
  uint32_t most = 128;
  uint32_t context = 0;
  bool chat = false;
};

void AddOptions(CLI::App* app, Flags* flags) {
  AddModelOptions(app, &flags->model);
  CLI::Option* prompt =
      app->add_option("-p,--prompt", flags->prompt, "the text to continue [standard input]");
  app->add_option("-f,--file", flags->file, "file with the prompt")
      ->type_name("TEXT")
      ->excludes(prompt);
  app->add_option("-n,--n-predict", flags->most, "most tokens to generate")->capture_default_str();
  app->add_option("-c,--ctx-size", flags->context,
                  "tokens of prompt and answer together [as -n needs, at most what the model was "
                  "trained for]")
      ->check(CLI::Range(1u, kMaxContext));
  app->add_flag("--chat", flags->chat, "the prompt is a user's message in the model's chat format");
  app->add_option("--system", flags->system, "system message of --chat");
  CLI::Option* image =
      app->add_option("--image", flags->images,
                      "PNG or JPEG image; may be repeated. Images stand where the prompt says "
                      "<start_of_image>, or in front of it")
          ->type_name("IMAGE")
          ->expected(1)
          ->take_all();
  app->add_option("--mmproj", flags->mmproj,
                  "file with the vision tower for --image [the model itself]")
      ->type_name("GGUF")
      ->needs(image);
  app->add_option("--temp", flags->sampler.temperature, "0: always the likeliest token")
      ->check(CLI::Range(0.0f, 1000.0f))
      ->capture_default_str();
  app->add_option("--top-k", flags->sampler.top_k, "choose among the likeliest K; 0: all")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app->add_option("--top-p", flags->sampler.top_p,
                  "choose among the likeliest that reach this probability together; 1: all")
      ->check(CLI::Range(0.0f, 1.0f))
      ->capture_default_str();
  app->add_option("--min-p", flags->sampler.min_p,
                  "choose among those at least this part as likely as the likeliest; 0: all")
      ->check(CLI::Range(0.0f, 1.0f))
      ->capture_default_str();
  app->add_option("--seed", flags->sampler.seed, "of the random choice")->capture_default_str();
  AddCommonOptions(app, /*has_json=*/true, kNothingVerbose, &flags->common);
}

absl::StatusOr<std::string> ReadStandardInput() {
  std::string text;
  char buffer[1 << 16];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, count);
    if (text.size() > kMaxTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat("the prompt on standard input has more than ",
                                                     kMaxTextBytes, " bytes, expected fewer"));
    }
  }
  if (std::ferror(stdin) != 0) return absl::DataLossError("cannot read standard input");
  return text;
}

absl::StatusOr<std::string> ReadPrompt(const Flags& flags, bool is_given) {
  if (!flags.file.empty()) return ReadFileToString(flags.file, kMaxTextBytes);
  if (is_given) return flags.prompt;
  if (isatty(STDIN_FILENO) == 1)
    return UsageError("expected a prompt (-p) or one on standard input");
  return ReadStandardInput();
}

using Images = std::vector<std::vector<float>>;

// What the tower makes of the images; none without --image.
absl::StatusOr<Images> EmbedImages(const Flags& flags, const Model& model,
                                   DecoderOptions* options) {
  Images images;
  if (flags.images.empty()) return images;
  GGUF_ASSIGN_OR_RETURN(ImageEmbedder embedder,
                        ImageEmbedder::Open(flags.mmproj.empty() ? flags.model.model : flags.mmproj,
                                            flags.common.threads, flags.model.activations));
  GGUF_RETURN_IF_ERROR(embedder.CheckBelongsTo(model));
  for (const std::string& path : flags.images) {
    GGUF_ASSIGN_OR_RETURN(std::vector<float> rows, embedder.Embed(path));
    images.push_back(std::move(rows));
  }
  // An image's tokens are worked on at once.
  options->batch = std::max(options->batch, static_cast<uint32_t>(embedder.config().num_tokens()));
  return images;
}

// The prompt as the model takes it.
absl::StatusOr<ImagePrompt> EncodePrompt(const Flags& flags, const TextModel& model,
                                         const Images& images, std::string prompt) {
  if (!images.empty()) prompt = PlaceImages(prompt, images.size());
  if (flags.chat) {
    absl::StatusOr<ChatTemplate> chat =
        ChatTemplate::Load(model.model->metadata(), *model.tokenizer);
    if (!chat.ok()) {
      return absl::Status(chat.status().code(),
                          absl::StrCat(flags.model.model, ": ", chat.status().message()));
    }
    std::vector<ChatMessage> messages;
    if (!flags.system.empty()) messages.push_back({"system", flags.system});
    messages.push_back({"user", std::move(prompt)});
    GGUF_ASSIGN_OR_RETURN(prompt, chat->Render(messages, /*add_generation_prompt=*/true));
  }
  if (!images.empty()) {
    auto result =
        EncodeImagePrompt(*model.tokenizer, prompt, images, model.model->config().embedding);
    if (!absl::IsNotFound(result.status())) return result;
    return absl::NotFoundError(absl::StrCat(flags.model.model, ": ", result.status().message()));
  }
  ImagePrompt result;
  GGUF_ASSIGN_OR_RETURN(result.tokens, model.tokenizer->Encode(prompt));
  if (model.tokenizer->add_eos() && !result.tokens.empty()) {
    result.tokens.pop_back();  // the text goes on
  }
  if (result.tokens.empty()) {
    return absl::InvalidArgumentError("the prompt is empty, expected a text");
  }
  return result;
}

// As asked for, or just enough for prompt and answer.
absl::StatusOr<uint32_t> ChooseContext(const Flags& flags, const TextModel& model, size_t prompt) {
  const uint64_t trained = model.model->config().context_length;
  const uint64_t needed = std::min<uint64_t>(uint64_t{prompt} + flags.most, trained);
  const uint64_t context = flags.context != 0 ? flags.context : needed;
  if (prompt <= context) return static_cast<uint32_t>(context);
  return absl::InvalidArgumentError(
      absl::StrCat("the prompt has ", prompt, " tokens, expected at most ", context,
                   flags.context != 0 ? " (-c)" : ", which the model was trained for",
                   ": use a shorter prompt or a larger context (-c)"));
}

class Generation {
 public:
  Generation(const Flags& flags, const TextModel& model, Decoder* decoder)
      : flags_(flags),
        tokenizer_(*model.tokenizer),
        decoder_(decoder),
        sampler_(flags.sampler),
        stream_(model.tokenizer.get()) {}

  // Generates after `prompt`; prints what is new at once unless the result is JSON.
  absl::Status Run(const ImagePrompt& prompt) {
    const absl::Time start = absl::Now();
    GGUF_ASSIGN_OR_RETURN(std::vector<float> logits,
                          decoder_->Decode(prompt.tokens, prompt.embedded, Outputs::kLast));
    const absl::Time first = absl::Now();
    prompt_tokens_ = prompt.tokens.size();
    prompt_rate_ = Rate(prompt_tokens_, first - start);
    stop_ = "length";
    uint64_t decoded = 0;
    while (tokens_.size() < flags_.most) {
      if (Interrupted().load()) return absl::CancelledError("interrupted");
      const int32_t token = sampler_.Sample(logits);
      if (token < 0) {
        return absl::FailedPreconditionError(
            absl::StrCat(flags_.model.model, " gives logits that are no numbers; check its ",
                         "weights with 'gguf verify'"));
      }
      if (tokenizer_.IsEndOfGeneration(token)) {
        stop_ = "end of generation";
        break;
      }
      tokens_.push_back(token);
      GGUF_RETURN_IF_ERROR(Emit(stream_.Add(token)));
      if (tokens_.size() == flags_.most) break;
      if (prompt_tokens_ + tokens_.size() > decoder_->context()) {
        stop_ = "context";
        break;
      }
      GGUF_ASSIGN_OR_RETURN(logits, decoder_->Decode({token}, Outputs::kLast));
      ++decoded;
    }
    rate_ = Rate(decoded, absl::Now() - first);
    return Emit(stream_.Finish());
  }

  absl::Status Report(const TextModel& model) const {
    if (!flags_.common.json) {
      GGUF_RETURN_IF_ERROR(PrintResult("\n"));
      if (flags_.common.quiet) return absl::OkStatus();
      std::fprintf(stderr,
                   "prompt: %zu tokens, %.1f tokens/s; generated: %zu tokens, %.1f tokens/s%s\n",
                   prompt_tokens_, prompt_rate_, tokens_.size(), rate_,
                   stop_ == "context" ? "; the context is full" : "");
      return absl::OkStatus();
    }
    gguf_toolchain::GenerateResult result;
    result.set_schema_version(kSchemaVersion);
    result.set_model(ToUtf8(flags_.model.model));
    result.set_text(text_);
    result.mutable_tokens()->Add(tokens_.begin(), tokens_.end());
    result.set_prompt_tokens(static_cast<double>(prompt_tokens_));
    result.set_stop(stop_);
    result.set_prompt_tokens_per_second(prompt_rate_);
    result.set_tokens_per_second(rate_);
    for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

 private:
  static double Rate(uint64_t tokens, absl::Duration time) {
    const double seconds = absl::ToDoubleSeconds(time);
    return seconds > 0.0 ? tokens / seconds : 0.0;
  }

  // `bytes` end with a character; those that are none of a character become U+FFFD.
  absl::Status Emit(const std::string& bytes) {
    const std::string text = ToUtf8(bytes);
    text_ += text;
    return flags_.common.json || text.empty() ? absl::OkStatus() : PrintResult(text);
  }

  const Flags& flags_;
  const Tokenizer& tokenizer_;
  Decoder* decoder_;
  Sampler sampler_;
  StreamDecoder stream_;
  std::vector<int32_t> tokens_;
  std::string text_, stop_;
  size_t prompt_tokens_ = 0;
  double prompt_rate_ = 0.0, rate_ = 0.0;
};

absl::Status Generate(const Flags& flags, bool is_prompt_given) {
  if (!flags.system.empty() && !flags.chat) return UsageError("--system needs --chat");
  GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(flags.model, flags.common));
  GGUF_ASSIGN_OR_RETURN(const std::string prompt, ReadPrompt(flags, is_prompt_given));
  GGUF_ASSIGN_OR_RETURN(TextModel model, OpenTextModel(flags.model.model));
  GGUF_ASSIGN_OR_RETURN(const Images images, EmbedImages(flags, *model.model, &options));
  GGUF_ASSIGN_OR_RETURN(const ImagePrompt ids, EncodePrompt(flags, model, images, prompt));
  GGUF_ASSIGN_OR_RETURN(options.context, ChooseContext(flags, model, ids.tokens.size()));
  CheckContext(options.context, &model);
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                        MakeDecoder(flags.model, *model.model, options));
  PrintWarnings(model, flags.common);
  Generation generation(flags, model, decoder.get());
  GGUF_RETURN_IF_ERROR(generation.Run(ids));
  return generation.Report(model);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  CLI::App app(gguf::kHelp, "generate");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common,
                       [&] { return gguf::Generate(flags, app.count("--prompt") > 0); });
}
