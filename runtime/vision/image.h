// Images as a vision tower takes them: PNG and JPEG files decoded, resized and normalised.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/vision/vision_config.h"

namespace gguf {

inline constexpr uint64_t kMaxImageBytes = uint64_t{64} << 20;  // of a file
inline constexpr uint64_t kMaxPixels = uint64_t{1} << 26;       // 192 MiB when decoded

struct Image {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> pixels;  // [height][width][3]: red, green, blue
};

// A PNG or JPEG image, known by its first bytes; `name` is for errors. Transparency is dropped,
// grey becomes three equal colours, 16 bits become the upper 8. The whole image must be there and
// within the limits above; memory beyond `bytes`: its pixels and a few rows. InvalidArgument (too
// large, another format, another colour space) or DataLoss (damaged), one sentence.
absl::StatusOr<Image> DecodeImage(absl::string_view name, absl::string_view bytes);

// The same of a file.
absl::StatusOr<Image> ReadImage(absl::string_view path);

// `image` in another size, by a triangle filter that widens with the reduction ("bilinear" with
// antialiasing), columns first, then rows, each in fixed point of 22 bits and rounded to 8. Gemma
// 3's image processor resizes with the Python library Pillow, and these are the bytes of its
// version 11 (version 13 takes the rows first where that is less work: a difference of 1 at most).
// Neither size may be 0.
Image Resize(const Image& image, uint32_t width, uint32_t height);

// Pixels [3][image_size][image_size] for VisionTower::Embed: resized to a square (the aspect is not
// kept), from 0 to 1, less mean, divided by deviation.
std::vector<float> Preprocess(const Image& image, const VisionConfig& config);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_H_
