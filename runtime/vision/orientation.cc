#include "runtime/vision/orientation.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"

namespace gguf {
namespace {

constexpr absl::string_view kExif("Exif\0\0", 6);
constexpr uint32_t kOrientationTag = 0x0112;
constexpr size_t kEntryBytes = 12;

// Numbers of a TIFF structure in its byte order; 0 beyond its end.
struct Tiff {
  absl::string_view bytes;
  bool is_little = false;

  uint32_t Number(size_t at, size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const auto byte = static_cast<uint8_t>(bytes[at + (is_little ? size - 1 - i : i)]);
      value = value << 8 | byte;
    }
    return value;
  }
};

// The data of the Exif segment; empty when there is none before the image's own data.
absl::string_view FindExif(absl::string_view bytes) {
  constexpr uint8_t kApp1 = 0xe1, kStartOfScan = 0xda;
  const Tiff file = {bytes};
  for (size_t at = 2; at + 4 <= bytes.size();) {
    const uint32_t marker = file.Number(at + 1, 1), length = file.Number(at + 2, 2);
    if (file.Number(at, 1) != 0xff || marker == kStartOfScan || length < 2) break;
    const absl::string_view data = bytes.substr(at + 4, length - 2);
    if (marker == kApp1 && absl::StartsWith(data, kExif)) return data.substr(kExif.size());
    at += 2 + length;
  }
  return {};
}

}  // namespace

int JpegOrientation(absl::string_view bytes) {
  const absl::string_view exif = FindExif(bytes);
  const Tiff tiff = {exif, absl::StartsWith(exif, "II")};
  if (tiff.Number(2, 2) != 42) return 1;
  const size_t directory = tiff.Number(4, 4);
  const size_t entries = tiff.Number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) break;
    if (tiff.Number(entry, 2) != kOrientationTag) continue;
    const uint32_t value = tiff.Number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image Upright(Image image, int orientation) {
  if (orientation == 1) return image;
  // Whether, in this order, columns are read from the right, rows from below, and both exchanged.
  struct Turn {
    bool from_right, from_below, exchanges;
  };
  constexpr Turn kTurns[] = {{false, false, false}, {true, false, false}, {true, true, false},
                             {false, true, false},  {false, false, true}, {false, true, true},
                             {true, true, true},    {true, false, true}};
  const Turn turn = kTurns[orientation - 1];
  Image result;
  result.width = turn.exchanges ? image.height : image.width;
  result.height = turn.exchanges ? image.width : image.height;
  result.pixels.resize(image.pixels.size());
  uint8_t* out = result.pixels.data();
  for (size_t y = 0; y < result.height; ++y) {
    for (size_t x = 0; x < result.width; ++x) {
      size_t column = turn.exchanges ? y : x, row = turn.exchanges ? x : y;
      if (turn.from_right) column = image.width - 1 - column;
      if (turn.from_below) row = image.height - 1 - row;
      out = std::copy_n(image.pixels.data() + 3 * (row * image.width + column), 3, out);
    }
  }
  return result;
}

}  // namespace gguf
