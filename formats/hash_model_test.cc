#include "formats/hash_model.h"

#include <string>
#include <vector>

#include "formats/sha256.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

std::string HashOf(absl::string_view text) {
  Sha256 hash;
  hash.Update(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  return hash.HexDigest();
}

// Vectors of FIPS 180-4.
TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(HashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, StartsAgainAfterADigest) {
  Sha256 hash;
  hash.Update({'x'});
  hash.HexDigest();
  hash.Update({'a', 'b'});
  hash.Update({'c'});
  EXPECT_EQ(hash.HexDigest(), HashOf("abc"));
}

TEST(HashModel, HashesFilesAndTensorsInChunks) {
  const std::vector<TensorSpec> tensors = {{"a", TensorType::kI8, Shape{3}},
                                           {"empty", TensorType::kF32, Shape{0}},
                                           {"large", TensorType::kQ6_K, Shape{30, 256 * 50}}};
  const auto bytes = MakeGguf(Metadata(), tensors);
  ASSERT_TRUE(bytes.ok());
  const auto model = GgufModel::FromFile(*OpenBytes(*bytes));
  for (const int threads : {1, 3}) {
    HashOptions options;
    options.threads = threads;
    const auto hashes = HashModel(*model, options);
    ASSERT_TRUE(hashes.ok()) << hashes.status();
    EXPECT_EQ(hashes->files, std::vector<std::string>{HashOf(*bytes)});
    ASSERT_EQ(hashes->tensors.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(hashes->tensors[i], HashOf(PatternBytes(i, model->tensors()[i].num_bytes)));
    }
  }
}

}  // namespace
}  // namespace gguf
