#include "gguf/io/file.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

absl::Span<const uint8_t> Bytes(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(::testing::TempDir(), "/",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static void Put(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string Get(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  static std::unique_ptr<OutputFile> MustCreate(const std::string& path, uint64_t size,
                                                bool replace = false) {
    OutputFile::Options options;
    options.replace = replace;
    auto file = OutputFile::Create(path, size, options);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *std::move(file) : nullptr;
  }
  static absl::Status CreateStatus(const std::string& path, uint64_t size = 4) {
    return OutputFile::Create(path, size, {}).status();
  }
  std::string folder_;
};

TEST_F(FileTest, ReadsByPosition) {
  Put(Path("f"), "0123456789");
  const auto file = OpenFile(Path("f"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->size(), 10u);
  EXPECT_EQ((*file)->name(), Path("f"));
  std::string out(3, '\0');
  const auto read = [&](uint64_t offset) {
    return (*file)->Read(offset, absl::MakeSpan(reinterpret_cast<uint8_t*>(&out[0]), 3));
  };
  ASSERT_TRUE(read(7).ok());
  EXPECT_EQ(out, "789");
  EXPECT_EQ(read(8).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read(~uint64_t{0}).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE((*file)->Read(10, {}).ok());
}

TEST_F(FileTest, NoticesThatAFileShrank) {
  Put(Path("f"), "0123456789");
  const auto file = OpenFile(Path("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(truncate(Path("f").c_str(), 4), 0);
  std::vector<uint8_t> out(10);
  const absl::Status status = (*file)->Read(0, absl::MakeSpan(out));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), "now ends at byte 4")) << status;
}

TEST_F(FileTest, SaysWhyAFileCannotBeOpened) {
  Put(Path("f"), "");
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(OpenFile(Path("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenFile(Path("none")).status().message(),
            absl::StrCat("cannot open '", Path("none"), "': No such file or directory"));
  EXPECT_EQ(OpenFile(Path("f") + "/below").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenFile(folder_).status().message(),
            absl::StrCat("cannot open '", folder_, "': it is a folder, expected a file"));
  EXPECT_EQ(OpenFile(Path("pipe")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenFile(absl::string_view("f\0g", 3)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(OpenFile("").ok());
}

TEST_F(FileTest, ReadsWholeFilesUpToALimit) {
  Put(Path("f"), "12345");
  EXPECT_EQ(*ReadFileToString(Path("f"), 5), "12345");
  EXPECT_EQ(ReadFileToString(Path("f"), 4).status().message(),
            absl::StrCat("'", Path("f"), "' has 5 bytes, expected at most 4"));
  Put(Path("empty"), "");
  EXPECT_EQ(*ReadFileToString(Path("empty"), 0), "");
}

TEST_F(FileTest, RecognizesTheSameFile) {
  Put(Path("f"), "x");
  Put(Path("g"), "x");
  std::filesystem::create_symlink(Path("f"), Path("soft"));
  std::filesystem::create_hard_link(Path("f"), Path("hard"));
  EXPECT_TRUE(IsSameFile(Path("f"), Path("f")));
  EXPECT_TRUE(IsSameFile(Path("f"), folder_ + "/./f"));
  EXPECT_TRUE(IsSameFile(Path("f"), Path("soft")));
  EXPECT_TRUE(IsSameFile(Path("f"), Path("hard")));
  EXPECT_FALSE(IsSameFile(Path("f"), Path("g")));
  EXPECT_FALSE(IsSameFile(Path("f"), Path("none")));
  EXPECT_FALSE(IsSameFile(Path("none"), Path("none")));
}

TEST_F(FileTest, OutputAppearsWhenCommitted) {
  auto file = MustCreate(Path("out"), 6);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->path(), Path("out"));
  ASSERT_TRUE(file->Write(3, Bytes("def")).ok());
  ASSERT_TRUE(file->Write(0, Bytes("abc")).ok());
  EXPECT_EQ(file->Write(4, Bytes("xyz")).code(), absl::StatusCode::kOutOfRange);
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  EXPECT_TRUE(std::filesystem::exists(Path("out.partial")));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(Get(Path("out")), "abcdef");
  EXPECT_FALSE(std::filesystem::exists(Path("out.partial")));
  file.reset();
  EXPECT_EQ(Get(Path("out")), "abcdef");
}

TEST_F(FileTest, AbandonedOutputLeavesNothing) {
  MustCreate(Path("out"), 6).reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(FileTest, ReplacesOnlyWhenAsked) {
  Put(Path("out"), "old");
  EXPECT_EQ(CreateStatus(Path("out")).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::StrContains(CreateStatus(Path("out")).message(), "--force"));
  EXPECT_FALSE(std::filesystem::exists(Path("out.partial")));
  ASSERT_EQ(chmod(Path("out").c_str(), 0640), 0);
  auto file = MustCreate(Path("out"), 3, /*replace=*/true);
  ASSERT_TRUE(file->Write(0, Bytes("new")).ok());
  EXPECT_EQ(Get(Path("out")), "old");
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(Get(Path("out")), "new");
  struct stat info;
  ASSERT_EQ(stat(Path("out").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(FileTest, DoesNotReplaceAFileThatAppearedMeanwhile) {
  auto file = MustCreate(Path("out"), 3);
  ASSERT_TRUE(file->Write(0, Bytes("new")).ok());
  Put(Path("out"), "somebody else's");
  EXPECT_EQ(file->Commit().code(), absl::StatusCode::kAlreadyExists);
  file.reset();
  EXPECT_EQ(Get(Path("out")), "somebody else's");
  EXPECT_FALSE(std::filesystem::exists(Path("out.partial")));
}

TEST_F(FileTest, TwoWritersDoNotMeet) {
  auto first = MustCreate(Path("out"), 3);
  const absl::Status second = CreateStatus(Path("out"), 3);
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(second.message(), "another process is writing")) << second;
  ASSERT_TRUE(first->Write(0, Bytes("one")).ok());
  ASSERT_TRUE(first->Commit().ok());
  EXPECT_EQ(Get(Path("out")), "one");
  // A committed writer that is still alive does not hinder the next.
  auto third = MustCreate(Path("out"), 5, /*replace=*/true);
  ASSERT_NE(third, nullptr);
  ASSERT_TRUE(third->Write(0, Bytes("three")).ok());
  ASSERT_TRUE(third->Commit().ok());
  EXPECT_EQ(Get(Path("out")), "three");
}

TEST_F(FileTest, TakesOverWhatAKilledProcessLeft) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto file = OutputFile::Create(Path("out"), 100000, {});
    if (file.ok()) (*file)->Write(0, Bytes(std::string(100000, 'k'))).IgnoreError();
    kill(getpid(), SIGKILL);
  }
  int exit_status = 0;
  ASSERT_EQ(waitpid(child, &exit_status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(exit_status));
  ASSERT_TRUE(std::filesystem::exists(Path("out.partial")));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
  auto file = MustCreate(Path("out"), 5);
  ASSERT_TRUE(file->Write(4, Bytes("x")).ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(Get(Path("out")), std::string(4, '\0') + "x");
}

TEST_F(FileTest, SaysWhyAnOutputCannotBeWritten) {
  Put(Path("f"), "");
  EXPECT_EQ(CreateStatus(Path("f") + "/out").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CreateStatus(Path("none") + "/out").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CreateStatus(folder_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CreateStatus(folder_ + "/").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CreateStatus("").code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::create_symlink(Path("f"), Path("out.partial"));
  EXPECT_FALSE(CreateStatus(Path("out")).ok());
  EXPECT_EQ(Get(Path("f")), "");
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(CreateStatus(Path("pipe")).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FileTest, UnwritableFolder) {
  if (geteuid() == 0) GTEST_SKIP() << "permissions do not bind root";
  ASSERT_EQ(chmod(folder_.c_str(), 0500), 0);
  EXPECT_EQ(CreateStatus(Path("out")).code(), absl::StatusCode::kPermissionDenied);
  chmod(folder_.c_str(), 0700);
}

TEST_F(FileTest, RefusesMoreThanTheDiskHolds) {
  const absl::Status status = CreateStatus(Path("out"), uint64_t{1} << 62);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "needs 4611686018427387904 bytes")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "are available")) << status;
  EXPECT_EQ(CreateStatus(Path("out"), ~uint64_t{0}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(FileTest, SmallDisk) {
  if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=256k") != 0) {
    GTEST_SKIP() << "no right to mount a small file system";
  }
  EXPECT_EQ(CreateStatus(Path("out"), 300000).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  {  // Space that a killed process left behind counts as available.
    Put(Path("out.partial"), std::string(200000, 'k'));
    auto file = MustCreate(Path("out"), 200000);
    ASSERT_NE(file, nullptr);
    EXPECT_TRUE(file->Write(0, Bytes(std::string(200000, 'n'))).ok());
    EXPECT_TRUE(file->Commit().ok());
    EXPECT_EQ(CreateStatus(Path("second"), 200000).code(), absl::StatusCode::kResourceExhausted);
  }
  umount(folder_.c_str());
}

TEST_F(FileTest, ReservesTheWholeFile) {
  auto file = MustCreate(Path("out"), 1 << 20);
  struct stat info;
  ASSERT_EQ(stat(Path("out.partial").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 1 << 20);
}

}  // namespace
}  // namespace gguf
