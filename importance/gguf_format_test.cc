#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gguf/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "importance/formats.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string BytesOf(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Metadata Keys() {
  Metadata metadata;
  metadata.Set("general.type", std::string("imatrix"));
  metadata.Set("imatrix.datasets", std::vector<std::string>{"a.txt", "b.txt"});
  metadata.Set("imatrix.chunk_count", uint32_t{5});
  metadata.Set("imatrix.chunk_size", uint32_t{512});
  return metadata;
}

struct Tensors {
  std::vector<TensorSpec> specs;
  std::vector<std::string> data;

  Tensors& Add(const std::string& name, const Shape& shape, const std::vector<float>& values,
               TensorType type = TensorType::kF32) {
    specs.push_back({name, type, shape});
    data.push_back(BytesOf(values));
    return *this;
  }
};

absl::StatusOr<ImportanceData> Read(const Metadata& metadata, const Tensors& tensors) {
  const auto bytes = MakeGguf(metadata, tensors.specs, tensors.data);
  if (!bytes.ok()) return bytes.status();
  const auto file = OpenBytes(*bytes);
  if (!file.ok()) return file.status();
  return ReadGgufImportance(*file);
}

std::string ErrorOf(const Metadata& metadata, const Tensors& tensors) {
  const absl::Status status = Read(metadata, tensors).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("test.gguf"));
  return std::string(status.message());
}

TEST(GgufFormatTest, ReadsPairsAndIgnoresTheRest) {
  const auto data = Read(Keys(), Tensors()
                                     .Add("a.in_sum2", {2, 2}, {2, 4, 0, 0})
                                     .Add("other", {1}, {9})
                                     .Add("a.counts", {2, 1}, {2, 0}));
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->entries.size(), 1);
  EXPECT_THAT(data->entries.at("a").counts, ElementsAre(2, 0));
  EXPECT_THAT(ImportanceWeights(data->entries.at("a")), ElementsAre(1, 2, 1, 1));
  EXPECT_THAT(data->datasets, ElementsAre("a.txt", "b.txt"));
  EXPECT_EQ(data->chunk_count, 5);
  EXPECT_EQ(data->chunk_size, 512);
}

TEST(GgufFormatTest, RoundsCounts) {
  const auto data = Read(Keys(), Tensors().Add("a.in_sum2", {1}, {2}).Add("a.counts", {1}, {2.6f}));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->entries.at("a").counts, ElementsAre(3));
}

TEST(GgufFormatTest, RequiresAllKeys) {
  const Tensors tensors = Tensors().Add("a.in_sum2", {1}, {2}).Add("a.counts", {1}, {2});
  ASSERT_TRUE(Read(Keys(), tensors).ok());
  for (const char* key : {"imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"}) {
    Metadata metadata = Keys();
    metadata.Remove(key);
    EXPECT_THAT(ErrorOf(metadata, tensors), HasSubstr(key));
    metadata.Set(key, true);
    EXPECT_THAT(ErrorOf(metadata, tensors), HasSubstr(key));
  }
}

TEST(GgufFormatTest, RefusesWhatDoesNotFitTogether) {
  EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("a.in_sum2", {1}, {2})),
              HasSubstr("entry 'a': has .in_sum2 but no .counts"));
  EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("a.counts", {1}, {2})),
              HasSubstr("entry 'a': has .counts but no .in_sum2"));
  EXPECT_THAT(
      ErrorOf(Keys(), Tensors().Add("a.in_sum2", {2, 2}, {1, 2, 3, 4}).Add("a.counts", {1}, {1})),
      HasSubstr("sums of shape [2, 2] and counts of shape [1] do not agree"));
  EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("a.in_sum2", {2}, {1, 2}).Add("a.counts", {2}, {1, 1})),
              HasSubstr("do not agree"));
  EXPECT_THAT(
      ErrorOf(Keys(),
              Tensors().Add("a.in_sum2", {2}, {1}, TensorType::kF16).Add("a.counts", {1}, {1})),
      HasSubstr("tensor 'a.in_sum2' is F16; expected F32"));
  EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("other", {1}, {1})), HasSubstr("holds no pair"));
}

TEST(GgufFormatTest, RefusesNumbersThatCannotBe) {
  for (const float bad : {-1.0f, std::nanf(""), INFINITY}) {
    EXPECT_THAT(
        ErrorOf(Keys(), Tensors().Add("a.in_sum2", {2}, {1, bad}).Add("a.counts", {1}, {1})),
        HasSubstr("entry 'a': value 1 is"));
    EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("a.in_sum2", {1}, {1}).Add("a.counts", {1}, {bad})),
                HasSubstr("entry 'a': count 0 is"));
  }
  EXPECT_THAT(ErrorOf(Keys(), Tensors().Add("a.in_sum2", {1}, {1}).Add("a.counts", {1}, {1e19f})),
              HasSubstr("count 0 is"));
}

}  // namespace
}  // namespace gguf
