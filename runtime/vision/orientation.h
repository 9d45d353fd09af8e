// Which way up a photograph is: cameras store the sensor's rows and say in the Exif data how to
// turn them.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_ORIENTATION_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_ORIENTATION_H_

#include "absl/strings/string_view.h"
#include "runtime/vision/image.h"

namespace gguf {

// Exif's tag 0x0112 of a JPEG file, 1 to 8; 1 (as it is) when there is none or it makes no sense.
// 2: mirrored left to right; 3: upside down; 4: mirrored top to bottom; 6: to be turned clockwise;
// 8: counter-clockwise; 5 and 7: those two, mirrored.
int JpegOrientation(absl::string_view bytes);

// `image` the right way up.
Image Upright(Image image, int orientation);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_ORIENTATION_H_
