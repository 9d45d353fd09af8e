// Decoders of image files, behind runtime/vision/image.h.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_CODEC_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_CODEC_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/vision/image.h"

namespace gguf {

absl::StatusOr<Image> DecodePng(absl::string_view name, absl::string_view bytes);
absl::StatusOr<Image> DecodeJpeg(absl::string_view name, absl::string_view bytes);

// What the decoders' errors have in common.
absl::Status CheckImageSize(absl::string_view name, uint64_t width, uint64_t height);
absl::Status DamagedImage(absl::string_view name, absl::string_view format,
                          absl::string_view reason);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_CODEC_H_
