// PNG through libpng, whose errors are long jumps: they end in the two methods of PngReader that
// set a target, which own nothing that would have to be destroyed.

#include <png.h>

#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "gguf/base/status_macros.h"
#include "runtime/vision/image_codec.h"

namespace gguf {
namespace {

constexpr png_uint_32 kMaxSide = 1u << 20;
// Of texts, profiles and other chunks around the pixels.
constexpr png_alloc_size_t kMaxChunkBytes = 8u << 20;
constexpr png_uint_32 kMaxChunks = 128;

class PngReader {
 public:
  explicit PngReader(absl::string_view bytes) : bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, OnError, OnWarning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  const char* message() const { return message_; }
  png_uint_32 width() const { return png_get_image_width(png_, info_); }
  png_uint_32 height() const { return png_get_image_height(png_, info_); }

  bool ReadHeader() {
    if (info_ == nullptr) return false;
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, ReadBytes);
    png_set_user_limits(png_, kMaxSide, kMaxSide);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_chunk_cache_max(png_, kMaxChunks);
    png_read_info(png_, info_);
    return true;
  }

  // After ReadHeader: rows [height()] of 3 * width() bytes.
  bool ReadRows(png_bytep* rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != size_t{3} * width()) png_error(png_, "odd rows");
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

 private:
  static void OnError(png_structp png, png_const_charp message) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader->message_, message, sizeof(reader->message_) - 1);
    png_longjmp(png, 1);
  }
  static void OnWarning(png_structp, png_const_charp) {}
  static void ReadBytes(png_structp png, png_bytep out, size_t count) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader->bytes_.size() - reader->at_) png_error(png, "the file ends too early");
    std::memcpy(out, reader->bytes_.data() + reader->at_, count);
    reader->at_ += count;
  }

  const absl::string_view bytes_;
  size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[160] = "no memory for a reader";
};

}  // namespace

absl::StatusOr<Image> DecodePng(absl::string_view name, absl::string_view bytes) {
  PngReader reader(bytes);
  if (!reader.ReadHeader()) return DamagedImage(name, "PNG", reader.message());
  Image image;
  image.width = reader.width();
  image.height = reader.height();
  GGUF_RETURN_IF_ERROR(CheckImageSize(name, image.width, image.height));
  image.pixels.resize(size_t{3} * image.width * image.height);
  std::vector<png_bytep> rows(image.height);
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.pixels.data() + y * 3 * image.width;
  if (!reader.ReadRows(rows.data())) return DamagedImage(name, "PNG", reader.message());
  return image;
}

}  // namespace gguf
