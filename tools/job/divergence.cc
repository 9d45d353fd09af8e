#include "tools/job/divergence.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "runtime/config.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/divergence.h"
#include "runtime/evaluate/logits_base.h"
#include "runtime/evaluate/perplexity.h"
#include "runtime/evaluate/text_windows.h"
#include "tools/evaluate_commands/step_progress.h"
#include "tools/evaluate_commands/text_model.h"

namespace gguf {
namespace {

// A file that several readers share.
class SharedFile : public RandomAccessFile {
 public:
  explicit SharedFile(std::shared_ptr<const RandomAccessFile> file) : file_(std::move(file)) {}
  const std::string& name() const override { return file_->name(); }
  uint64_t size() const override { return file_->size(); }
  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override {
    return file_->Read(offset, out);
  }

 private:
  std::shared_ptr<const RandomAccessFile> file_;
};

DecoderOptions OptionsFor(uint32_t context, const CommonOptions& common) {
  DecoderOptions options;
  options.context = context;
  options.threads = common.threads;
  return options;
}

absl::Status CheckText(const std::string& base, const std::string& text_path,
                       const TextWindows& windows, const Tokenizer& tokenizer) {
  if (text_path.empty()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(text_path, kMaxTextBytes));
  GGUF_ASSIGN_OR_RETURN(
      const TextWindows expected,
      MakeTextWindows(tokenizer, text_path, text, windows.context, windows.count));
  if (expected.tokens == windows.tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", base, "' was made of another text than ", text_path,
                   " or with another tokenizer, expected a base of the same tokens"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DivergenceBase>> DivergenceBase::FromFile(const std::string& path,
                                                                         const std::string& text) {
  GGUF_RETURN_IF_ERROR(LogitsBaseReader::Open(path).status());
  GGUF_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccessFile> file, OpenFile(path));
  return std::unique_ptr<DivergenceBase>(new DivergenceBase(std::move(file), text));
}

absl::StatusOr<std::unique_ptr<DivergenceBase>> DivergenceBase::FromModel(
    const std::string& model_path, const DivergenceText& source, const std::string& scratch,
    const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const TextModel model, OpenTextModel(model_path));
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(source.path, kMaxTextBytes));
  GGUF_ASSIGN_OR_RETURN(
      const TextWindows windows,
      MakeTextWindows(*model.tokenizer, source.path, text, source.context, source.chunks));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                        Decoder::Create(*model.model, OptionsFor(source.context, common)));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<LogitsBaseWriter> base,
                        LogitsBaseWriter::Create(scratch, /*replace=*/false, windows,
                                                 static_cast<uint32_t>(decoder->vocabulary()),
                                                 FingerprintOf(*model.model)));
  StepProgress progress("base: window", windows.count, common);
  GGUF_RETURN_IF_ERROR(
      MeasurePerplexity(windows, decoder.get(), common.threads, base.get(),
                        [&](const PerplexityResult& so_far) {
                          return progress.Update(
                              so_far.windows,
                              absl::StrFormat("perplexity %.4f", so_far.perplexity()));
                        })
          .status());
  GGUF_RETURN_IF_ERROR(base->Commit());
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = OpenFile(scratch);
  unlink(scratch.c_str());
  if (!file.ok()) return file.status();
  return std::unique_ptr<DivergenceBase>(
      new DivergenceBase(std::shared_ptr<const RandomAccessFile>(*std::move(file)), ""));
}

absl::StatusOr<Divergence> DivergenceBase::Measure(const std::string& path,
                                                   const CommonOptions& common) const {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<LogitsBaseReader> base,
                        LogitsBaseReader::Open(std::make_unique<SharedFile>(file_)));
  GGUF_ASSIGN_OR_RETURN(const TextModel model, OpenTextModel(path));
  TextWindows windows = base->windows();
  // llama-perplexity does not say which token it put in front: what the model asks for.
  if (base->fingerprint().empty() && model.tokenizer->add_bos()) {
    windows.bos = model.tokenizer->bos();
  }
  GGUF_RETURN_IF_ERROR(CheckText(base->name(), text_, windows, *model.tokenizer));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                        Decoder::Create(*model.model, OptionsFor(windows.context, common)));
  GGUF_RETURN_IF_ERROR(base->CheckModel(*model.model, decoder->vocabulary()));
  StepProgress progress("divergence: window", windows.count, common);
  GGUF_ASSIGN_OR_RETURN(
      const DivergenceResult measured,
      MeasureDivergence(windows, base.get(), decoder.get(), common.threads,
                        [&](const DivergenceResult& so_far, uint32_t done) {
                          return progress.Update(
                              done,
                              absl::StrFormat("mean KL divergence %.6f +- %.6f",
                                              so_far.kld().mean(), so_far.kld().standard_error()));
                        }));
  return Divergence{measured.kld().mean(), measured.kld().standard_error()};
}

absl::Status CheckCanRun(const std::string& name, const Metadata& metadata) {
  const absl::StatusOr<ModelConfig> config = ReadModelConfig(metadata);
  if (!config.ok()) {
    return absl::Status(config.status().code(),
                        absl::StrCat("max_kl_divergence: ", name, ": ", config.status().message()));
  }
  if (!config->family->is_encoder) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("max_kl_divergence: ", name,
                   " is an encoder, which predicts no tokens; leave the limit out"));
}

}  // namespace gguf
