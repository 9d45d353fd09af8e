#include "formats/archive.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "formats/archive_testing.h"
#include "formats/open.h"
#include "gguf/io/zstd_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

std::string WriteFile(const std::string& name, const std::string& bytes) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

std::string ErrorOf(const std::string& tar) {
  const auto source = OpenSource(WriteFile("bad.tar.zst", CompressZstd(tar, 0)), OpenOptions());
  return source.ok() ? "no error" : std::string(source.status().message());
}

std::vector<uint8_t> ReadTensor(const TensorSource& source, size_t index) {
  const SourceTensor& tensor = source.tensors()[index];
  std::vector<uint8_t> out(*TensorBytes(tensor.type, tensor.shape));
  const absl::Status status = source.ReadRows(index, 0, tensor.shape.rows(), absl::MakeSpan(out));
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

// The same metadata and tensors from both.
void ExpectSame(const TensorSource& folder, const TensorSource& archive) {
  ASSERT_EQ(folder.metadata().entries().size(), archive.metadata().entries().size());
  for (size_t i = 0; i < folder.metadata().entries().size(); ++i) {
    const auto& [key, value] = folder.metadata().entries()[i];
    EXPECT_EQ(archive.metadata().entries()[i].first, key);
    EXPECT_EQ(archive.metadata().entries()[i].second, value) << key;
  }
  ASSERT_EQ(folder.tensors().size(), archive.tensors().size());
  for (size_t i = folder.tensors().size(); i-- > 0;) {  // against the stream's order
    SCOPED_TRACE(folder.tensors()[i].name);
    EXPECT_EQ(folder.tensors()[i].name, archive.tensors()[i].name);
    EXPECT_EQ(folder.tensors()[i].shape, archive.tensors()[i].shape);
    EXPECT_EQ(ReadTensor(folder, i), ReadTensor(archive, i));
  }
}

class PackedCheckpoint : public ::testing::TestWithParam<const char*> {};

TEST_P(PackedCheckpoint, IsTheSameAsItsFolder) {
  const std::string folder = absl::StrCat("testdata/hf/", GetParam());
  const auto unpacked = OpenSource(folder, OpenOptions());
  ASSERT_TRUE(unpacked.ok()) << unpacked.status();
  const std::string tar = MakeTar(EntriesOfFolder(folder, GetParam()));
  for (const size_t frame_bytes : {size_t{0}, size_t{100000}}) {
    const std::string path = WriteFile("packed.tar.zst", CompressZstd(tar, frame_bytes));
    const auto packed = OpenSource(path, OpenOptions());
    ASSERT_TRUE(packed.ok()) << packed.status();
    ExpectSame(**unpacked, **packed);
    EXPECT_TRUE((*packed)->is_stream());
    EXPECT_THAT((*packed)->reading_note(), HasSubstr("restarts: 0"));
    EXPECT_THAT((*packed)->input_paths(), ::testing::Contains(path));
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackedCheckpoint,
                         ::testing::Values("llama", "llama-sharded", "mixtral", "gpt-oss"),
                         [](const auto& info) {
                           return absl::StrReplaceAll(info.param, {{"-", "_"}});
                         });

TEST(Archive, PositionsRiseWithinATensor) {
  const std::string tar = MakeTar(EntriesOfFolder("testdata/hf/gpt-oss", "gpt-oss"));
  const auto source = OpenSource(WriteFile("p.tar.zst", CompressZstd(tar, 0)), OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  for (size_t i = 0; i < (*source)->tensors().size(); ++i) {
    uint64_t before = 0;
    for (uint64_t row = 0; row < (*source)->tensors()[i].shape.rows(); ++row) {
      const uint64_t position = (*source)->StreamPosition(i, row);
      EXPECT_GE(position, before) << (*source)->tensors()[i].name << " " << row;
      EXPECT_LT(position, tar.size());
      before = position;
    }
    EXPECT_GT(before, 0u);
  }
}

TEST(Archive, FilesWithoutAFolderTakeTheArchivesName) {
  std::vector<TarEntry> entries = EntriesOfFolder("testdata/hf/llama", ".");
  const auto source =
      OpenSource(WriteFile("Tiny-Llama.tar.zst", CompressZstd(MakeTar(entries), 0)), OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->metadata().Find("general.name")->ToString(), "\"Tiny Llama\"");
}

TEST(Archive, TheOutermostCheckpointCounts) {
  std::vector<TarEntry> entries = EntriesOfFolder("testdata/hf/llama", "a/llama");
  entries.push_back({"a/llama/original/config.json", "{}", '0'});
  EXPECT_EQ(ErrorOf(MakeTar(entries)), "no error");
  entries.push_back({"a/other/config.json", "{}", '0'});
  EXPECT_THAT(ErrorOf(MakeTar(entries)),
              HasSubstr("holds several checkpoints ('a/llama', 'a/other')"));
}

TEST(Archive, RefusesWhatIsNotACheckpoint) {
  const std::vector<TarEntry> good = EntriesOfFolder("testdata/hf/llama", "llama");
  const auto with = [&good](const TarEntry& entry) {
    std::vector<TarEntry> entries = good;
    entries.push_back(entry);
    return MakeTar(entries);
  };
  EXPECT_THAT(ErrorOf("hello"), HasSubstr("ends at byte 0 before its end mark"));
  EXPECT_THAT(ErrorOf(MakeTar({})), HasSubstr("an archive without config.json"));
  EXPECT_THAT(ErrorOf(with({"./llama/config.json", "{}", '0'})),
              HasSubstr("holds 'llama/config.json' twice"));
  EXPECT_THAT(ErrorOf(with({"llama/more.json", "", '2'})), HasSubstr("is a link or a device"));
  EXPECT_THAT(ErrorOf(with({"llama/more.json", "", '1'})), HasSubstr("--hard-dereference"));
  EXPECT_EQ(ErrorOf(with({"elsewhere/link", "", '2'})), "no error");
  const std::string tar = MakeTar(good);
  EXPECT_THAT(ErrorOf(tar.substr(0, tar.size() / 2)), HasSubstr("before its end mark"));
}

TEST(Archive, NamesAFileThatIsMissingOrBroken) {
  std::vector<TarEntry> entries = EntriesOfFolder("testdata/hf/llama", "llama");
  for (TarEntry& entry : entries) {
    if (absl::EndsWith(entry.name, ".safetensors")) entry.bytes.resize(entry.bytes.size() - 8);
  }
  EXPECT_THAT(ErrorOf(MakeTar(entries)), HasSubstr("bad.tar.zst/model.safetensors"));
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [](const TarEntry& entry) {
                                 return absl::EndsWith(entry.name, "model.safetensors");
                               }),
                entries.end());
  EXPECT_THAT(ErrorOf(MakeTar(entries)), HasSubstr("has neither model.safetensors.index.json"));
}

}  // namespace
}  // namespace gguf
