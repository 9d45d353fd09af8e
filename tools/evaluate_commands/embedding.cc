// evaluate embedding -m MODEL -f TEXT: the vector of each line of a text.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "runtime/decoder.h"
#include "runtime/evaluate/similarity.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/model_options.h"
#include "tools/evaluate_commands/text_model.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using Vectors = std::vector<std::vector<float>>;

Vectors Cosines(const Vectors& embeddings) {
  Vectors rows;
  for (const std::vector<float>& a : embeddings) {
    rows.emplace_back();
    for (const std::vector<float>& b : embeddings) {
      rows.back().push_back(static_cast<float>(CosineSimilarity(a, b)));
    }
  }
  return rows;
}

std::string ToText(const Vectors& rows) {
  std::string text;
  for (const std::vector<float>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&text, i == 0 ? "" : " ", absl::StrFormat("%.9g", row[i]));
    }
    text.push_back('\n');
  }
  return text;
}

class EmbeddingCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    AddModelOptions(app, &model_);
    app->add_option("-f,--file", text_, "one text a line")->required()->type_name("TEXT");
    app->add_flag("--cosine", cosine_, "print the cosine of each pair of lines instead");
  }

  absl::Status Run(const CommonOptions& common) override {
    GGUF_ASSIGN_OR_RETURN(const DecoderOptions options, ToDecoderOptions(model_, common));
    GGUF_ASSIGN_OR_RETURN(const TextModel model, OpenTextModel(model_.model));
    GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(text_, kMaxTextBytes));
    if (text.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(text_, " is empty, expected a text on each line"));
    }
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Decoder> decoder,
                          MakeDecoder(model_, *model.model, options));
    GGUF_ASSIGN_OR_RETURN(const Vectors embeddings, Embed(*model.tokenizer, text, decoder.get()));
    PrintWarnings(model, common);
    const Vectors cosines = cosine_ ? Cosines(embeddings) : Vectors();
    if (!common.json) return PrintResult(ToText(cosine_ ? cosines : embeddings));
    gguf_toolchain::EmbeddingResult result;
    result.set_schema_version(kSchemaVersion);
    result.set_model(ToUtf8(model_.model));
    for (const std::vector<float>& row : embeddings) {
      result.add_embeddings()->mutable_values()->Add(row.begin(), row.end());
    }
    for (const std::vector<float>& row : cosines) {
      result.add_cosine()->mutable_values()->Add(row.begin(), row.end());
    }
    for (const std::string& warning : model.warnings) result.add_warnings(ToUtf8(warning));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

 private:
  absl::StatusOr<Vectors> Embed(const Tokenizer& tokenizer, absl::string_view text,
                                Decoder* decoder) const {
    Vectors embeddings;
    EncodeOptions encode;
    encode.parse_special = false;
    for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
      if (Interrupted().load()) return absl::CancelledError("interrupted");
      const absl::StatusOr<std::vector<int32_t>> ids =
          tokenizer.Encode(absl::StripSuffix(line, "\r"), encode);
      absl::Status status = ids.status();
      if (status.ok()) {
        absl::StatusOr<std::vector<float>> vector = decoder->Embed(*ids);
        status = vector.status();
        if (status.ok()) embeddings.push_back(*std::move(vector));
      }
      if (absl::IsFailedPrecondition(status)) return status;  // of the model, not of the line
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(text_, ": line ", embeddings.size() + 1,
                                                        ": ", status.message()));
      }
    }
    return embeddings;
  }

  ModelOptions model_;
  std::string text_;
  bool cosine_ = false;
};

}  // namespace

std::unique_ptr<EvaluateCommand> MakeEmbeddingCommand() {
  return std::make_unique<EmbeddingCommand>();
}

}  // namespace gguf
