// Any bytes as an image: refused, or as many pixels as its size says, of which a tower's pixels can
// be made.

#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "runtime/vision/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto image =
      gguf::DecodeImage("image", absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!image.ok()) return 0;
  if (image->pixels.size() != size_t{3} * image->width * image->height) std::abort();
  gguf::VisionConfig config;
  config.image_size = 8;
  if (gguf::Preprocess(*image, config).size() != 3u * 8 * 8) std::abort();
  return 0;
}
