// JPEG through libjpeg-turbo's TurboJPEG interface, which reports errors as values.

#include <turbojpeg.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/vision/image_codec.h"
#include "runtime/vision/orientation.h"

namespace gguf {
namespace {

// Bytes between segments are common and harmless; every other warning is about missing pixels.
bool IsHarmless(tjhandle handle) {
  return tjGetErrorCode(handle) == TJERR_WARNING &&
         absl::StrContains(tjGetErrorStr2(handle), "extraneous bytes");
}

}  // namespace

absl::StatusOr<Image> DecodeJpeg(absl::string_view name, absl::string_view bytes) {
  const std::unique_ptr<void, int (*)(tjhandle)> owner(tjInitDecompress(), tjDestroy);
  const tjhandle handle = owner.get();
  if (handle == nullptr) return DamagedImage(name, "JPEG", "no memory for a reader");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(handle, data, bytes.size(), &width, &height, &subsampling, &colours) !=
          0 &&
      !IsHarmless(handle)) {
    return DamagedImage(name, "JPEG", tjGetErrorStr2(handle));
  }
  // Of a file that ends inside its header, nothing is said but this.
  if (width <= 0 || height <= 0) return DamagedImage(name, "JPEG", "its header is incomplete");
  GGUF_RETURN_IF_ERROR(CheckImageSize(name, width, height));
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " is a JPEG image in colours for print (CMYK), expected RGB or grey: convert it"));
  }
  Image image;
  image.width = static_cast<uint32_t>(width);
  image.height = static_cast<uint32_t>(height);
  image.pixels.resize(size_t{3} * image.width * image.height);
  // The decoder that loses least, and a limit on how often a progressive image makes us work.
  constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;
  if (tjDecompress2(handle, data, bytes.size(), image.pixels.data(), width, 0, height, TJPF_RGB,
                    kFlags) != 0 &&
      !IsHarmless(handle)) {
    return DamagedImage(name, "JPEG", tjGetErrorStr2(handle));
  }
  return Upright(std::move(image), JpegOrientation(bytes));
}

}  // namespace gguf
