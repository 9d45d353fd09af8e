#include "runtime/vision/image.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "runtime/vision/image_codec.h"

namespace gguf {

absl::Status CheckImageSize(absl::string_view name, uint64_t width, uint64_t height) {
  if (width != 0 && height != 0 && width <= kMaxPixels / height) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is an image of ", width, " by ", height,
                                                 " pixels, expected 1 to ", kMaxPixels,
                                                 ": make it smaller first"));
}

absl::Status DamagedImage(absl::string_view name, absl::string_view format,
                          absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(name, " is no whole ", format, " image: ", reason));
}

absl::StatusOr<Image> DecodeImage(absl::string_view name, absl::string_view bytes) {
  struct Format {
    absl::string_view start;
    absl::StatusOr<Image> (*decode)(absl::string_view, absl::string_view);
  };
  static constexpr Format kFormats[] = {{"\x89PNG\r\n\x1a\n", DecodePng},
                                        {"\xff\xd8\xff", DecodeJpeg}};
  for (const Format& format : kFormats) {
    if (absl::StartsWith(bytes, format.start)) return format.decode(name, bytes);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is neither a PNG nor a JPEG image: convert it to one of them first"));
}

absl::StatusOr<Image> ReadImage(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(path, kMaxImageBytes));
  return DecodeImage(path, bytes);
}

std::vector<float> Preprocess(const Image& image, const VisionConfig& config) {
  const uint32_t side = config.image_size;
  const Image square = Resize(image, side, side);
  const size_t pixels = size_t{side} * side;
  std::vector<float> values(3 * pixels);
  for (size_t colour = 0; colour < 3; ++colour) {
    for (size_t i = 0; i < pixels; ++i) {
      const float value = static_cast<float>(square.pixels[3 * i + colour]) / 255.0f;
      values[colour * pixels + i] = (value - config.mean[colour]) / config.deviation[colour];
    }
  }
  return values;
}

}  // namespace gguf
