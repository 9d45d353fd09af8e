#include "runtime/vision/image.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "formats/json.h"
#include "formats/sha256.h"
#include "gguf/io/file.h"
#include "gtest/gtest.h"
#include "runtime/vision/orientation.h"
#include "runtime/vision/testing.h"

namespace gguf {
namespace {

constexpr char kFolder[] = "testdata/images/";

std::string Bytes(absl::string_view name) {
  const auto bytes = ReadFileToString(absl::StrCat(kFolder, name), kMaxImageBytes);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

Image Read(absl::string_view name) {
  const auto image = ReadImage(absl::StrCat(kFolder, name));
  EXPECT_TRUE(image.ok()) << image.status();
  return image.value_or(Image());
}

std::string Digest(const Image& image) {
  EXPECT_EQ(image.pixels.size(), size_t{3} * image.width * image.height);
  Sha256 hash;
  hash.Update(image.pixels);
  return hash.HexDigest();
}

// Files of every kind, decoded and resized by Pillow 11.3: the same bytes.
TEST(Image, EqualsPillow) {
  const auto expected = ParseJsonObject("pillow.json", Bytes("pillow.json"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_EQ(expected->object()->size(), 8u * 7);
  for (const auto& [key, digest] : *expected->object()) {
    const std::vector<std::string> words = absl::StrSplit(key, ' ');
    const Image image = Read(words[0]);
    if (words.size() == 1) {
      EXPECT_EQ(Digest(image), *digest.string()) << key;
      continue;
    }
    const std::vector<std::string> sides = absl::StrSplit(words[1], 'x');
    uint32_t width = 0, height = 0;
    ASSERT_TRUE(absl::SimpleAtoi(sides[0], &width) && absl::SimpleAtoi(sides[1], &height));
    EXPECT_EQ(Digest(Resize(image, width, height)), *digest.string()) << key;
  }
}

// turned.jpg says 6; its byte is changed to say the others, and to say nonsense.
TEST(Image, PhotographsAreTurned) {
  const auto expected = ParseJsonObject("turned.json", Bytes("turned.json"));
  ASSERT_TRUE(expected.ok()) << expected.status();
  std::string bytes = Bytes("turned.jpg");
  EXPECT_EQ(JpegOrientation(bytes), 6);
  const size_t entry = bytes.find(std::string("\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06", 10));
  ASSERT_NE(entry, std::string::npos);
  for (int orientation = 0; orientation <= 9; ++orientation) {
    bytes[entry + 9] = static_cast<char>(orientation);
    const auto image = DecodeImage("turned.jpg", bytes);
    ASSERT_TRUE(image.ok()) << image.status();
    const bool is_known = orientation >= 1 && orientation <= 8;
    const std::string* digest = expected->FindString(absl::StrCat(is_known ? orientation : 1));
    ASSERT_NE(digest, nullptr);
    EXPECT_EQ(absl::StrCat(image->width, "x", image->height, " ", Digest(*image)), *digest)
        << orientation;
  }
}

TEST(Image, PixelsOfTheTrainingLibrary) {
  VisionConfig config;
  config.image_size = 56;
  const std::vector<float> pixels = Preprocess(Read("golden.png"), config);
  const auto expected = Golden<float>("pixel_values");
  ASSERT_EQ(pixels.size(), expected.size());
  for (size_t i = 0; i < pixels.size(); ++i) ASSERT_NEAR(pixels[i], expected[i], 2e-7) << i;
}

TEST(Image, MeanAndDeviationOfEachColour) {
  Image image;
  image.width = image.height = 1;
  image.pixels = {255, 0, 51};
  VisionConfig config;
  config.image_size = 2;
  config.mean = {0.5f, 0.25f, 0.2f};
  config.deviation = {0.5f, 0.5f, 0.1f};
  const std::vector<float> expected = {1, 1, 1, 1, -0.5f, -0.5f, -0.5f, -0.5f, 0, 0, 0, 0};
  EXPECT_EQ(Preprocess(image, config), expected);
}

// Cut anywhere, a file is refused in one line that names it.
TEST(Image, TruncatedFiles) {
  for (const char* name : {"photo.png", "palette.png", "photo.jpg", "progressive.jpg"}) {
    const std::string bytes = Bytes(name);
    ASSERT_TRUE(DecodeImage(name, bytes).ok());
    for (size_t size = 16; size + 2 < bytes.size(); size += 1 + size / 7) {
      const absl::Status status = DecodeImage(name, bytes.substr(0, size)).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << name << " " << size;
      EXPECT_TRUE(absl::StartsWith(status.message(), absl::StrCat(name, " is no whole ")))
          << status;
      EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << status;
    }
  }
}

TEST(Image, ChangedBytesDoNoHarm) {
  for (const char* name : {"photo.png", "bits.png", "photo.jpg", "progressive.jpg", "turned.jpg"}) {
    const std::string good = Bytes(name);
    for (size_t at = 8; at < good.size(); at += 1 + good.size() / 200) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x55);
      const auto image = DecodeImage(name, bad);
      if (!image.ok()) continue;
      EXPECT_EQ(image->pixels.size(), size_t{3} * image->width * image->height);
    }
  }
}

TEST(Image, WhatIsRefused) {
  EXPECT_EQ(DecodeImage("a.gif", "GIF89a......").status().message(),
            "a.gif is neither a PNG nor a JPEG image: convert it to one of them first");
  EXPECT_FALSE(DecodeImage("empty", "").ok());
  EXPECT_EQ(DecodeImage("cmyk.jpg", Bytes("cmyk.jpg")).status().message(),
            "cmyk.jpg is a JPEG image in colours for print (CMYK), expected RGB or grey: convert "
            "it");
  EXPECT_EQ(ReadImage("/nowhere/x.png").status().code(), absl::StatusCode::kNotFound);
}

// A PNG header that claims a size is believed by nobody.
TEST(Image, ClaimedSizes) {
  std::string bytes = Bytes("photo.png");
  const std::string claimed("\x00\x00\x40\x00\x00\x00\x40\x01", 8);  // 16384 by 16385
  bytes.replace(16, 8, claimed);
  const uint8_t* start = reinterpret_cast<const uint8_t*>(bytes.data()) + 12;
  uint32_t crc = 0xffffffffu;  // of the chunk's name and data
  for (size_t i = 0; i < 17; ++i) {
    crc ^= start[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc % 2 != 0 ? 0xedb88320u : 0u);
  }
  for (size_t i = 0; i < 4; ++i) bytes[29 + i] = static_cast<char>(~crc >> (24 - 8 * i));
  EXPECT_EQ(DecodeImage("huge.png", bytes).status().message(),
            "huge.png is an image of 16384 by 16385 pixels, expected 1 to 67108864: make it "
            "smaller first");
}

}  // namespace
}  // namespace gguf
