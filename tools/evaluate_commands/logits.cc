// evaluate logits -m MODEL -f TEXT -o BASE.zst: what a model predicts in a text, for `kl`.
// evaluate logits -m MODEL --ids IDS.txt -o OUT.npy: logits of every token of one sequence, for
// comparison with other programs.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/io/npy_header.h"
#include "runtime/decoder.h"
#include "runtime/model.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/evaluate_commands/perplexity.h"
#include "tools/report/render.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxIdsBytes = uint64_t{256} << 20;

absl::StatusOr<std::vector<int32_t>> ReadIds(const std::string& path) {
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, kMaxIdsBytes));
  std::vector<int32_t> ids;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty())) {
    int32_t id = 0;
    if (!absl::SimpleAtoi(word, &id)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": word ", ids.size() + 1, " is '",
                                                     Printable(word.substr(0, 40)),
                                                     "', expected a token id"));
    }
    ids.push_back(id);
  }
  if (ids.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no token ids, expected numbers separated by white space"));
  }
  return ids;
}

class LogitsCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    CLI::Option* text = AddTextOptions(app, &text_);
    context_ = app->get_option("--ctx-size");
    context_->description(
        "tokens of a window; its second half counts; of --ids tokens to prepare for, which some "
        "models' rotary embedding depends on [as many as there are]");
    app->add_option("--ids", ids_,
                    "instead of a text: token ids separated by white space, evaluated as they are")
        ->type_name("FILE")
        ->excludes(text);
    app->add_option("-o,--output", output_,
                    "base file; of --ids a NumPy file of float32 [tokens, vocabulary]")
        ->required()
        ->type_name("FILE");
    app->add_flag("--force", force_, "replace an existing output");
  }

  absl::Status Run(const CommonOptions& common) override {
    if (!ids_.empty()) return RunIds(common);
    if (text_.text.empty()) return UsageError("expected a text (-f) or token ids (--ids)");
    return RunPerplexity(model_, text_, output_, force_, common);
  }

 private:
  absl::Status RunIds(const CommonOptions& common) {
    GGUF_ASSIGN_OR_RETURN(DecoderOptions options, ToDecoderOptions(model_, common));
    GGUF_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ReadIds(ids_));
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Open(model_.model));
    if (ids.size() > kMaxContext) {
      return absl::InvalidArgumentError(
          absl::StrCat(ids_, " holds ", ids.size(), " token ids, expected at most ", kMaxContext));
    }
    options.context = static_cast<uint32_t>(ids.size());
    if (context_->count() > 0) options.context = std::max(options.context, text_.context);
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                          MakeDecoder(model_, *model, options));
    if (ids.size() > model->config().context_length) {
      PrintWarnings({absl::StrCat(ids.size(), " tokens are more than the ",
                                  model->config().context_length, " the model was trained for")},
                    common);
    }
    GGUF_RETURN_IF_ERROR(Write(ids, decoder.get()));
    if (!common.json) return absl::OkStatus();
    gguf_toolchain::LogitsResult result;
    result.set_schema_version(kSchemaVersion);
    result.set_model(ToUtf8(model_.model));
    result.set_output(ToUtf8(output_));
    result.set_tokens(static_cast<double>(ids.size()));
    result.set_vocabulary(static_cast<double>(decoder->vocabulary()));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

  absl::Status Write(const std::vector<int32_t>& ids, Decoder* decoder) {
    const std::string header = NpyHeader({ids.size(), decoder->vocabulary()});
    const uint64_t row_bytes = decoder->vocabulary() * sizeof(float);
    OutputFile::Options create;
    create.replace = force_;
    GGUF_ASSIGN_OR_RETURN(
        const std::unique_ptr<OutputFile> file,
        OutputFile::Create(output_, header.size() + ids.size() * row_bytes, create));
    GGUF_RETURN_IF_ERROR(file->Write(
        0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(header.data()), header.size())));
    absl::Status written;
    const std::vector<uint8_t> wanted(ids.size(), 1);
    GGUF_RETURN_IF_ERROR(
        decoder->Decode(ids, wanted, 0, [&](size_t index, absl::Span<const float> logits) {
          const auto* bytes = reinterpret_cast<const uint8_t*>(logits.data());
          written.Update(file->Write(header.size() + index * row_bytes,
                                     absl::MakeConstSpan(bytes, row_bytes)));
        }));
    GGUF_RETURN_IF_ERROR(written);
    return file->Commit();
  }

  ModelOptions model_;
  TextOptions text_;
  std::string ids_, output_;
  CLI::Option* context_ = nullptr;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<EvaluateCommand> MakeLogitsCommand() { return std::make_unique<LogitsCommand>(); }

}  // namespace gguf
