// evaluate vision -m FILE --image IMAGE [--against FILE]: what a vision tower makes of images.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "runtime/model.h"
#include "tools/cli/activations_option.h"
#include "tools/evaluate_commands/commands.h"
#include "tools/evaluate_commands/image_embedder.h"
#include "tools/evaluate_commands/image_error.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using Rows = std::vector<float>;  // [tokens][length]

absl::Span<const float> RowOf(const Rows& rows, size_t token, size_t length) {
  return absl::MakeConstSpan(rows).subspan(token * length, length);
}

std::string ToText(const gguf_toolchain::VisionResult& result) {
  std::string text;
  for (const gguf_toolchain::ImageResult& image : result.images()) {
    const size_t length = image.embeddings(0).values_size();
    absl::StrAppend(&text, image.image(), ": ", image.embeddings_size(), " tokens of ", length,
                    " values");
    if (!result.against().empty()) {
      absl::StrAppendFormat(
          &text, "; against %s: cosine %.6f (least %.6f), relative error %.3g, largest %.3g",
          result.against(), image.mean_cosine(), image.min_cosine(), image.error().relative_rmse(),
          image.error().max_abs_error());
    }
    text.push_back('\n');
  }
  return text;
}

class VisionCommand : public EvaluateCommand {
 public:
  void AddOptions(CLI::App* app) override {
    app->add_option("-m,--model", model_,
                    "file with the vision tower, or with --mmproj the text model it is for")
        ->required()
        ->type_name("GGUF");
    app->add_option("--mmproj", mmproj_, "file with the vision tower [the model]")
        ->type_name("GGUF");
    app->add_option("--image", images_, "PNG or JPEG image; may be repeated")
        ->required()
        ->type_name("IMAGE")
        ->expected(1)
        ->take_all();
    app->add_option("--against", against_,
                    "file with the tower to compare with, which runs with activations f32")
        ->type_name("GGUF");
    AddActivationsOption(app, &activations_);
  }

  absl::Status Run(const CommonOptions& common) override {
    const std::string tower = mmproj_.empty() ? model_ : mmproj_;
    GGUF_ASSIGN_OR_RETURN(ImageEmbedder embedder,
                          ImageEmbedder::Open(tower, common.threads, activations_));
    if (!mmproj_.empty()) {
      GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<Model> text, Model::Open(model_));
      GGUF_RETURN_IF_ERROR(embedder.CheckBelongsTo(*text));
    }
    gguf_toolchain::VisionResult result;
    result.set_schema_version(kSchemaVersion);
    result.set_tower(ToUtf8(tower));
    const absl::Time start = absl::Now();
    GGUF_ASSIGN_OR_RETURN(const std::vector<Rows> all, EmbedAll(&embedder));
    result.set_seconds(absl::ToDoubleSeconds(absl::Now() - start));
    const size_t length = embedder.config().projection;
    for (size_t i = 0; i < images_.size(); ++i) {
      gguf_toolchain::ImageResult* image = result.add_images();
      image->set_image(ToUtf8(images_[i]));
      for (size_t token = 0; token < all[i].size() / length; ++token) {
        const auto row = RowOf(all[i], token, length);
        image->add_embeddings()->mutable_values()->Add(row.begin(), row.end());
      }
    }
    if (!against_.empty()) GGUF_RETURN_IF_ERROR(CompareAll(all, embedder, common, &result));
    if (!common.json) return PrintResult(ToText(result));
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    return PrintResult(json);
  }

 private:
  absl::StatusOr<std::vector<Rows>> EmbedAll(ImageEmbedder* embedder) const {
    std::vector<Rows> all;
    for (const std::string& path : images_) {
      GGUF_ASSIGN_OR_RETURN(Rows rows, embedder->Embed(path));
      all.push_back(std::move(rows));
    }
    return all;
  }

  absl::Status CompareAll(const std::vector<Rows>& all, const ImageEmbedder& embedder,
                          const CommonOptions& common, gguf_toolchain::VisionResult* result) const {
    GGUF_ASSIGN_OR_RETURN(ImageEmbedder other, ImageEmbedder::Open(against_, common.threads));
    const VisionConfig &a = embedder.config(), &b = other.config();
    if (a.projection != b.projection || a.num_tokens() != b.num_tokens()) {
      return absl::InvalidArgumentError(absl::StrCat(
          against_, " makes ", b.num_tokens(), " embeddings of ", b.projection,
          " values, expected ", a.num_tokens(), " of ", a.projection, " as of ", result->tower()));
    }
    GGUF_ASSIGN_OR_RETURN(const std::vector<Rows> expected, EmbedAll(&other));
    result->set_against(ToUtf8(against_));
    for (size_t i = 0; i < all.size(); ++i) {
      CompareEmbeddings(all[i], expected[i], a.projection,
                        result->mutable_images(static_cast<int>(i)));
    }
    return absl::OkStatus();
  }

  std::string model_, mmproj_, against_;
  std::vector<std::string> images_;
  ActivationType activations_ = ActivationType::kF32;
};

}  // namespace

std::unique_ptr<EvaluateCommand> MakeVisionCommand() { return std::make_unique<VisionCommand>(); }

}  // namespace gguf
