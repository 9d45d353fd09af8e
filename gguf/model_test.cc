// Files and split sets on disk, opened as models.

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/io/file.h"
#include "gguf/reader.h"
#include "gguf/split.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

class ModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(::testing::TempDir(), "/",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  std::string Shard(uint32_t shard, uint32_t count = 3) const {
    return ShardName(folder_ + "/m", shard, count);
  }
  // A shard file with one tensor per name.
  void Write(const std::string& path, const Metadata& metadata,
             const std::vector<std::string>& names) {
    std::vector<TensorSpec> tensors;
    for (const std::string& name : names) tensors.push_back({name, TensorType::kF32, Shape{3}});
    const auto bytes = MakeGguf(metadata, tensors);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    ASSERT_TRUE(WriteFileBytes(path, *bytes));
  }
  void WriteSet() {
    Metadata metadata;
    metadata.Set("general.architecture", std::string("test"));
    Write(Shard(0), ShardMetadata(metadata, 0, 3, 4), {});
    Write(Shard(1), ShardMetadata(metadata, 1, 3, 4), {"a", "b"});
    Write(Shard(2), ShardMetadata(metadata, 2, 3, 4), {"c", "d"});
  }
  void ExpectRefused(const std::string& path, const std::string& message) {
    const auto model = GgufModel::Open(path);
    ASSERT_FALSE(model.ok());
    EXPECT_TRUE(absl::StrContains(model.status().message(), message)) << model.status();
  }
  std::string folder_;
};

TEST_F(ModelTest, OpensASetThroughAnyShard) {
  WriteSet();
  for (uint32_t shard = 0; shard < 3; ++shard) {
    const auto model = GgufModel::Open(Shard(shard));
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->shards().size(), 3u);
    EXPECT_EQ(*model->metadata().GetString("general.architecture"), "test");
    ASSERT_EQ(model->tensors().size(), 4u);
    EXPECT_EQ(model->FindTensor("c"), 2);
    EXPECT_EQ(model->FindTensor("e"), -1);
    EXPECT_EQ(model->tensors()[2].shard, 2u);
    std::string data(12, '\0');
    ASSERT_TRUE(model
                    ->ReadTensorBytes(model->tensors()[3], 0,
                                      absl::MakeSpan(reinterpret_cast<uint8_t*>(&data[0]), 12))
                    .ok());
    EXPECT_EQ(data, PatternBytes(1, 12));
    for (const GgufFile& file : model->shards()) EXPECT_TRUE(file.warnings().empty());
  }
}

TEST_F(ModelTest, OpensASingleFileThatSaysSo) {
  for (const uint16_t count : {0, 1}) {
    Metadata metadata;
    metadata.Set("split.count", count);
    Write(folder_ + "/whole.gguf", metadata, {"a"});
    const auto model = GgufModel::Open(folder_ + "/whole.gguf");
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->shards().size(), 1u);
  }
}

TEST_F(ModelTest, AcceptsOtherIntegerTypesOfSplitKeys) {
  WriteSet();
  Metadata metadata;
  metadata.Set("split.no", uint32_t{2});
  metadata.Set("split.count", int64_t{3});
  Write(Shard(2), metadata, {"c", "d"});
  EXPECT_TRUE(GgufModel::Open(Shard(0)).ok()) << GgufModel::Open(Shard(0)).status();
  EXPECT_TRUE(GgufModel::Open(Shard(2)).ok()) << GgufModel::Open(Shard(2)).status();
}

TEST_F(ModelTest, RefusesAMissingShard) {
  WriteSet();
  std::filesystem::remove(Shard(1));
  ExpectRefused(Shard(0), "shard 2 of 3 is missing: cannot open '" + Shard(1));
}

TEST_F(ModelTest, RefusesARenamedFile) {
  WriteSet();
  std::filesystem::rename(Shard(0), folder_ + "/other.gguf");
  ExpectRefused(folder_ + "/other.gguf", "should end in '-00001-of-00003.gguf'");
}

TEST_F(ModelTest, RefusesAWrongNumber) {
  WriteSet();
  Write(Shard(1), ShardMetadata(Metadata(), 2, 3, 4), {"a", "b"});
  ExpectRefused(Shard(0), "says that it is shard 3 of 3, expected 2 of 3");
  Metadata beyond = ShardMetadata(Metadata(), 1, 3, 4);
  beyond.Set("split.no", uint16_t{3});
  Write(Shard(1), beyond, {"a", "b"});
  ExpectRefused(Shard(0), "key 'split.no' is 3, expected 0 to 2");
}

TEST_F(ModelTest, RefusesAnotherSet) {
  WriteSet();
  Write(Shard(1), ShardMetadata(Metadata(), 1, 4, 4), {"a", "b"});
  ExpectRefused(Shard(0), "is shard 2 of 4, expected 2 of 3");
  Write(Shard(1), Metadata(), {"a", "b"});
  ExpectRefused(Shard(0), "of 1, expected 2 of 3");
}

TEST_F(ModelTest, RefusesADoubledTensor) {
  WriteSet();
  Write(Shard(2), ShardMetadata(Metadata(), 2, 3, 4), {"c", "a"});
  ExpectRefused(Shard(0), "tensor 'a' is in '" + Shard(1) + "' and again in '" + Shard(2));
}

TEST_F(ModelTest, RefusesAWrongTotal) {
  WriteSet();
  Write(Shard(0), ShardMetadata(Metadata(), 0, 3, 5), {});
  ExpectRefused(Shard(0), "key 'split.tensors.count' is 5, the 3 shards hold 4 tensors");
  Metadata without = ShardMetadata(Metadata(), 0, 3, 4);
  without.Remove("split.tensors.count");
  Write(Shard(0), without, {});
  ExpectRefused(Shard(0), "key 'split.tensors.count' is missing");
}

TEST_F(ModelTest, RefusesAnAbsurdCount) {
  Metadata metadata;
  metadata.Set("split.count", uint32_t{65536});
  Write(folder_ + "/m.gguf", metadata, {});
  ExpectRefused(folder_ + "/m.gguf", "key 'split.count' is 65536, expected 0 to 65535");
  metadata.Set("split.count", std::string("3"));
  Write(folder_ + "/m.gguf", metadata, {});
  ExpectRefused(folder_ + "/m.gguf", "of type string, expected an integer");
}

TEST_F(ModelTest, FollowsSymbolicLinks) {
  // As in a download cache: names are links, contents lie elsewhere under other names.
  WriteSet();
  const std::string links = folder_ + "/links";
  std::filesystem::create_directories(links);
  for (uint32_t shard = 0; shard < 3; ++shard) {
    const std::string blob = absl::StrCat(folder_, "/blob", shard);
    std::filesystem::rename(Shard(shard), blob);
    std::filesystem::create_symlink(blob, ShardName(links + "/m", shard, 3));
  }
  const auto model = GgufModel::Open(ShardName(links + "/m", 0, 3));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->tensors().size(), 4u);
  EXPECT_TRUE(IsSameFile(folder_ + "/blob0", ShardName(links + "/m", 0, 3)));
}

TEST_F(ModelTest, ReadsOnlyInsideATensor) {
  Write(folder_ + "/m.gguf", Metadata(), {"a"});
  const auto file = GgufFile::Open(folder_ + "/m.gguf");
  ASSERT_TRUE(file.ok());
  std::vector<uint8_t> out(13);
  const TensorInfo& tensor = file->tensors()[0];
  EXPECT_TRUE(file->ReadTensorBytes(tensor, 12, absl::MakeSpan(out).first(0)).ok());
  EXPECT_EQ(file->ReadTensorBytes(tensor, 0, absl::MakeSpan(out)).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->ReadTensorBytes(tensor, ~uint64_t{0}, absl::MakeSpan(out)).code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(ModelTest, NamesTheTensorWhenTheFileShrinks) {
  Write(folder_ + "/m.gguf", Metadata(), {"a"});
  const auto file = GgufFile::Open(folder_ + "/m.gguf");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(truncate((folder_ + "/m.gguf").c_str(), 40), 0);
  std::vector<uint8_t> out(12);
  const absl::Status status = file->ReadTensorBytes(file->tensors()[0], 0, absl::MakeSpan(out));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), "tensor 'a'")) << status;
}

}  // namespace
}  // namespace gguf
