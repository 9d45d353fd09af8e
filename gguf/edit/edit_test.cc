#include "gguf/edit/edit.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/io/file.h"
#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

class EditTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(::testing::TempDir(), "/",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Metadata metadata;
    metadata.Set("general.architecture", std::string("test"));
    metadata.Set("general.name", std::string("old"));
    metadata.Set("array", std::vector<float>{1, 2});
    for (int i = 0; i < 7; ++i) {
      tensors_.push_back({absl::StrCat("t", i), i % 2 == 0 ? TensorType::kQ8_0 : TensorType::kF32,
                          Shape{2, 32u * (i + 1)}});
    }
    // Larger than the copy's buffer.
    tensors_.push_back({"large", TensorType::kQ6_K, Shape{22, 256 * 1000}});
    original_ = *MakeGguf(metadata, tensors_);
    ASSERT_TRUE(WriteFileBytes(Path("m.gguf"), original_));
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Bytes(const std::string& path) const { return *ReadFileToString(path, 1 << 30); }
  GgufModel Open(const std::string& path) const {
    auto model = GgufModel::Open(path);
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }
  size_t NumFiles() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
  std::string folder_;
  std::vector<TensorSpec> tensors_;
  std::string original_;
};

// Keys of every kind and a tensor of every type, to big-endian and back.
TEST_F(EditTest, TurnsTheByteOrder) {
  Metadata metadata;
  metadata.Set("general.architecture", std::string("test"));
  metadata.Set("u8", uint8_t{200});
  metadata.Set("i16", int16_t{-3});
  metadata.Set("u32", uint32_t{0x01020304});
  metadata.Set("f64", 1.25);
  metadata.Set("i64", int64_t{-5});
  metadata.Set("flag", true);
  metadata.Set("texts", std::vector<std::string>{"a", "", "long text"});
  metadata.Set("numbers", std::vector<uint16_t>{1, 2, 515});
  metadata.Set("floats", std::vector<float>{1.5f, -2.0f});
  std::vector<TensorSpec> tensors;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    tensors.push_back({absl::StrCat("t", tensors.size()), info.type, Shape{3, 512}});
  }
  const std::string little = *MakeGguf(metadata, tensors);
  ASSERT_TRUE(WriteFileBytes(Path("little.gguf"), little));
  const auto write = [&](const std::string& from, const std::string& to, bool big_endian) {
    const GgufModel model = Open(Path(from));
    EditOptions options;
    options.big_endian = big_endian;
    const ModelPart part = {Path(to), model.metadata(), 0, model.tensors().size()};
    EXPECT_TRUE(WriteParts(model, {part}, options).ok());
  };
  write("little.gguf", "big.gguf", true);
  const GgufModel big = Open(Path("big.gguf"));
  EXPECT_TRUE(big.shards()[0].is_big_endian());
  EXPECT_EQ(big.metadata().entries(), Open(Path("little.gguf")).metadata().entries());
  write("big.gguf", "again.gguf", false);
  EXPECT_EQ(Bytes(Path("again.gguf")), little);
  // A file of another program's making, little-endian and back.
  const std::string other = "testdata/fuzz/gguf/big_endian.gguf";
  const auto file = GgufModel::Open(other);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->shards()[0].is_big_endian());
  EditOptions options;
  options.big_endian = true;
  const ModelPart part = {Path("copy.gguf"), file->metadata(), 0, file->tensors().size()};
  ASSERT_TRUE(WriteParts(*file, {part}, options).ok());
  // All but the padding, in which that one has no zeros.
  const std::string copy = Bytes(Path("copy.gguf")), expected = Bytes(other);
  const uint64_t data_start = file->shards()[0].data_start();
  EXPECT_EQ(copy.substr(0, data_start), expected.substr(0, data_start));
  for (const TensorInfo& tensor : file->tensors()) {
    EXPECT_EQ(copy.substr(tensor.offset, tensor.num_bytes),
              expected.substr(tensor.offset, tensor.num_bytes));
  }
}

TEST_F(EditTest, SetsAndRemovesKeysOnly) {
  const auto part = PlanSetKeys(
      Open(Path("m.gguf")), Path("new.gguf"),
      {{"general.name", Value("a much longer name")}, {"added", Value(uint8_t{3})}}, {"array"});
  ASSERT_TRUE(part.ok()) << part.status();
  const GgufModel input = Open(Path("m.gguf"));
  ASSERT_TRUE(WriteParts(input, {*part}, {}).ok());
  const GgufModel output = Open(Path("new.gguf"));
  ASSERT_EQ(output.metadata().size(), 3u);
  EXPECT_EQ(output.metadata().entries()[1],
            Metadata::Entry("general.name", Value("a much longer name")));
  EXPECT_EQ(output.metadata().entries()[2], Metadata::Entry("added", Value(uint8_t{3})));
  EXPECT_EQ(*SizeOfParts(input, {*part}), output.shards()[0].file_size());
  const uint64_t data_bytes = original_.size() - input.shards()[0].data_start();
  EXPECT_EQ(original_.substr(original_.size() - data_bytes),
            Bytes(Path("new.gguf")).substr(output.shards()[0].data_start()));
  EXPECT_EQ(Bytes(Path("m.gguf")), original_);
}

TEST_F(EditTest, ReplacesTheFileBehindALink) {
  std::filesystem::create_directories(Path("blobs"));
  std::filesystem::rename(Path("m.gguf"), Path("blobs/x"));
  std::filesystem::create_symlink("blobs/x", Path("m.gguf"));
  const GgufModel input = Open(Path("m.gguf"));
  const auto part = PlanSetKeys(input, "", {{"general.name", Value("new")}}, {});
  ASSERT_TRUE(part.ok());
  EditOptions options;
  options.replace_input = true;
  ASSERT_TRUE(WriteParts(input, {*part}, options).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(Path("m.gguf")));
  EXPECT_EQ(*Open(Path("m.gguf")).metadata().GetString("general.name"), "new");
  // The model that was open keeps reading the old file.
  std::vector<uint8_t> row(32);
  EXPECT_TRUE(input.ReadTensorBytes(input.tensors()[0], 0, absl::MakeSpan(row)).ok());
}

TEST_F(EditTest, NamesAKeyThatCannotBeRemoved) {
  const auto part = PlanSetKeys(Open(Path("m.gguf")), "", {}, {"none"});
  EXPECT_EQ(part.status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(part.status().message(), "has no key 'none'")) << part.status();
}

TEST_F(EditTest, LaysOutAnewForAnotherAlignment) {
  const GgufModel input = Open(Path("m.gguf"));
  const auto part =
      PlanSetKeys(input, Path("new.gguf"), {{"general.alignment", Value(uint32_t{4096})}}, {});
  ASSERT_TRUE(WriteParts(input, {*part}, {}).ok());
  const GgufModel output = Open(Path("new.gguf"));
  for (const TensorInfo& tensor : output.tensors()) EXPECT_EQ(tensor.offset % 4096, 0u);
  const auto bad =
      PlanSetKeys(input, Path("bad.gguf"), {{"general.alignment", Value(uint32_t{3})}}, {});
  EXPECT_FALSE(WriteParts(input, {*bad}, {}).ok());
  EXPECT_FALSE(std::filesystem::exists(Path("bad.gguf")));
}

TEST_F(EditTest, MergingASplitGivesTheOriginal) {
  for (const bool no_tensor_first : {false, true}) {
    const GgufModel input = Open(Path("m.gguf"));
    SplitOptions split;
    split.max_tensors = 3;
    split.no_tensor_first_split = no_tensor_first;
    const std::string prefix = Path(no_tensor_first ? "bare" : "full");
    const auto parts = PlanSplit(input, prefix, split);
    ASSERT_TRUE(parts.ok()) << parts.status();
    ASSERT_EQ(parts->size(), no_tensor_first ? 4u : 3u);
    ASSERT_TRUE(WriteParts(input, *parts, {}).ok());
    const GgufModel shards = Open((*parts)[1].path);
    EXPECT_EQ(shards.shards().size(), parts->size());
    EXPECT_EQ(shards.shards()[0].tensors().size(), no_tensor_first ? 0u : 3u);
    EXPECT_EQ(shards.shards()[1].metadata().size(), 3u);
    for (const GgufFile& shard : shards.shards()) EXPECT_TRUE(shard.warnings().empty());
    ASSERT_TRUE(WriteParts(shards, {PlanMerge(shards, prefix + ".gguf")}, {}).ok());
    EXPECT_TRUE(Bytes(prefix + ".gguf") == original_);
  }
}

TEST_F(EditTest, SplitsAtOneHundredTwentyEightTensorsByDefault) {
  std::vector<TensorSpec> many;
  for (int i = 0; i < 130; ++i) many.push_back({absl::StrCat(i), TensorType::kI8, Shape{1}});
  ASSERT_TRUE(WriteFileBytes(Path("many.gguf"), *MakeGguf(Metadata(), many)));
  const auto parts = PlanSplit(Open(Path("many.gguf")), "p", SplitOptions());
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].last_tensor, 128u);
}

TEST_F(EditTest, RefusesOutputsThatAreInputsOrExist) {
  const GgufModel input = Open(Path("m.gguf"));
  EditOptions replace;
  replace.replace = true;
  const absl::Status same = WriteParts(input, {PlanMerge(input, Path("m.gguf"))}, replace);
  EXPECT_EQ(same.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(same.message(), "is an input too")) << same;
  ASSERT_TRUE(WriteFileBytes(Path("exists.gguf"), "x"));
  EXPECT_EQ(WriteParts(input, {PlanMerge(input, Path("exists.gguf"))}, {}).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Bytes(Path("exists.gguf")), "x");
  EXPECT_TRUE(WriteParts(input, {PlanMerge(input, Path("exists.gguf"))}, replace).ok());
  EXPECT_TRUE(Bytes(Path("exists.gguf")) == original_);
}

TEST_F(EditTest, LeavesNothingWhenOneOfManyFails) {
  const GgufModel input = Open(Path("m.gguf"));
  SplitOptions split;
  split.max_tensors = 3;
  const auto parts = PlanSplit(input, Path("s"), split);
  ASSERT_TRUE(WriteFileBytes((*parts)[2].path, "in the way"));
  EXPECT_EQ(WriteParts(input, *parts, {}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(NumFiles(), 2u);
}

TEST_F(EditTest, StopsWhenCancelled) {
  const GgufModel input = Open(Path("m.gguf"));
  std::atomic<bool> cancelled{false};
  uint64_t copied = 0;
  EditOptions options;
  options.cancelled = &cancelled;
  options.progress = [&](uint64_t bytes, absl::string_view tensor) {
    copied += bytes;
    if (tensor == "large") cancelled = true;
  };
  EXPECT_EQ(WriteParts(input, {PlanMerge(input, Path("out.gguf"))}, options).code(),
            absl::StatusCode::kCancelled);
  EXPECT_GT(copied, 0u);
  EXPECT_EQ(NumFiles(), 1u);
}

}  // namespace
}  // namespace gguf
