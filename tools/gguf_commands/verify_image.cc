#include "tools/gguf_commands/verify_image.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "runtime/vision/image.h"
#include "tools/evaluate_commands/image_embedder.h"
#include "tools/evaluate_commands/image_error.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

constexpr char kPatternName[] = "built-in pattern";

// Gradients along both sides and stripes across them: no two patches are alike.
Image MakePattern() {
  Image image;
  image.width = image.height = 256;
  image.pixels.reserve(size_t{3} * image.width * image.height);
  for (uint32_t y = 0; y < image.height; ++y) {
    for (uint32_t x = 0; x < image.width; ++x) {
      for (const uint32_t value : {x, y, 5 * x + 3 * y}) {
        image.pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return image;
}

absl::Status Compare(const std::string& path, const std::string& against, const std::string& name,
                     double least_cosine, const CommonOptions& common,
                     gguf_toolchain::VerifyResult* result) {
  if (KindOf(against) == PathKind::kFolder || IsArchive(against)) {
    return absl::InvalidArgumentError(absl::StrCat(
        against, ": is a checkpoint, whose tower cannot be run as it is; make a GGUF of it first ",
        "(convert --mmproj FILE) and name that file as --against"));
  }
  Image image = MakePattern();
  if (!name.empty()) {
    GGUF_ASSIGN_OR_RETURN(image, ReadImage(name));
  }
  GGUF_ASSIGN_OR_RETURN(ImageEmbedder theirs, ImageEmbedder::Open(against, common.threads));
  absl::StatusOr<ImageEmbedder> ours = ImageEmbedder::Open(path, common.threads);
  if (absl::IsInvalidArgument(ours.status())) {
    result->add_findings(ToUtf8(ours.status().message()));
    return absl::OkStatus();
  }
  if (!ours.ok()) return ours.status();
  const VisionConfig &a = ours->config(), &b = theirs.config();
  if (a.projection != b.projection || a.num_tokens() != b.num_tokens()) {
    result->add_findings(absl::StrCat("the tower makes ", a.num_tokens(), " embeddings of ",
                                      a.projection, " values, expected ", b.num_tokens(), " of ",
                                      b.projection, " as the reference's"));
    return absl::OkStatus();
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<float> rows, ours->Embed(image));
  GGUF_ASSIGN_OR_RETURN(const std::vector<float> expected, theirs.Embed(image));
  gguf_toolchain::ImageResult* compared = result->add_images();
  compared->set_image(name.empty() ? kPatternName : ToUtf8(name));
  CompareEmbeddings(rows, expected, a.projection, compared);
  if (compared->mean_cosine() >= least_cosine) return absl::OkStatus();
  result->add_findings(absl::StrCat(
      "embeddings of ", compared->image(), ": the mean cosine with the reference's is ",
      compared->mean_cosine(), ", expected at least ", least_cosine, " for the tower's types"));
  return absl::OkStatus();
}

}  // namespace

absl::Status AddImageComparison(const std::string& path, const std::string& against,
                                const std::string& image, double least_cosine,
                                const CommonOptions& common, gguf_toolchain::VerifyResult* result) {
  const absl::Status status = Compare(path, against, image, least_cosine, common, result);
  if (status.ok() || !image.empty() || absl::IsCancelled(status)) return status;
  PrintWarnings({absl::StrCat("no embeddings of an image were compared: ", status.message())},
                common);
  return absl::OkStatus();
}

}  // namespace gguf
