#include "quantize/journal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kFileBytes = 4096;
constexpr size_t kRecordBytes = 48;
constexpr size_t kHeaderBytes = 112;

std::string Slurp(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void Spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "journal_test_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/out";
    identity_ = {std::string(64, 'a'), std::string(64, 'b'), std::string(64, 'c')};
  }

  void OpenBoth() {
    journal_.reset();
    file_.reset();
    auto file = OutputFile::Create(path_, kFileBytes, {false, /*resume=*/true});
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
    file_->set_keep_partial(true);
    auto journal = Journal::Open(file_.get(), identity_, 2, nullptr);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }

  void WriteRange(uint64_t offset, uint64_t size, char filler, uint64_t note) {
    const std::string bytes(size, filler);
    const auto span =
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ASSERT_TRUE(file_->Write(offset, span).ok());
    journal_->Written(offset, span, note);
  }

  // Three saved ranges at 0, 1000 and 2000, of 1000 bytes each.
  void WriteThree() {
    OpenBoth();
    for (uint64_t i = 0; i < 3; ++i) {
      WriteRange(1000 * i, 1000, static_cast<char>('x' + i), 7 + i);
      ASSERT_TRUE(journal_->Save().ok());
    }
  }

  size_t NumFound() const {
    size_t count = 0;
    for (uint64_t i = 0; i < 3; ++i) count += journal_->Find(1000 * i, 1000).has_value();
    return count;
  }

  std::string folder_, path_;
  JournalIdentity identity_;
  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, KnowsWhatWasSaved) {
  WriteThree();
  WriteRange(3000, 1000, 'n', 0);  // not saved
  OpenBoth();
  EXPECT_EQ(NumFound(), 3u);
  EXPECT_EQ(*journal_->Find(2000, 1000), 9u);
  EXPECT_FALSE(journal_->Find(2000, 999).has_value());
  EXPECT_FALSE(journal_->Find(3000, 1000).has_value());
  EXPECT_EQ(journal_->resumed_bytes(), 3000u);
  EXPECT_THAT(journal_->note(), HasSubstr("73 %"));
}

TEST_F(JournalTest, GoesOnAfterTheRecordsOfBefore) {
  WriteThree();
  OpenBoth();
  WriteRange(3000, 1000, 'n', 0);
  ASSERT_TRUE(journal_->Save().ok());
  OpenBoth();
  EXPECT_EQ(NumFound(), 3u);
  EXPECT_TRUE(journal_->Find(3000, 1000).has_value());
}

// A process can be killed, and a machine lose power, after any byte of the journal.
TEST_F(JournalTest, ATornJournalCountsAsFarAsItIsWhole) {
  WriteThree();
  const std::string whole = Slurp(path_ + ".journal");
  ASSERT_EQ(whole.size(), kHeaderBytes + 3 * kRecordBytes);
  for (size_t size = 0; size <= whole.size(); ++size) {
    journal_.reset();
    Spill(path_ + ".journal", whole.substr(0, size));
    OpenBoth();
    EXPECT_EQ(NumFound(), size < kHeaderBytes ? 0 : (size - kHeaderBytes) / kRecordBytes) << size;
    // What follows is readable again.
    WriteRange(3000, 1000, 'n', 0);
    ASSERT_TRUE(journal_->Save().ok());
    OpenBoth();
    EXPECT_TRUE(journal_->Find(3000, 1000).has_value()) << size;
  }
}

TEST_F(JournalTest, NoChangedByteIsTrusted) {
  WriteThree();
  const std::string whole = Slurp(path_ + ".journal");
  for (size_t at = 8; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x10;
    Spill(path_ + ".journal", damaged);
    OpenBoth();
    const size_t expected = at < kHeaderBytes ? 0 : (at - kHeaderBytes) / kRecordBytes;
    EXPECT_EQ(NumFound(), expected) << at;
  }
}

TEST_F(JournalTest, RangesWhoseBytesChangedAreMadeAgain) {
  WriteThree();
  std::string bytes = Slurp(path_ + ".partial");
  bytes[1500] ^= 1;
  Spill(path_ + ".partial", bytes);
  OpenBoth();
  EXPECT_TRUE(journal_->Find(0, 1000).has_value());
  EXPECT_FALSE(journal_->Find(1000, 1000).has_value());
  EXPECT_TRUE(journal_->Find(2000, 1000).has_value());
  WriteRange(1000, 1000, 'w', 5);  // the later of two records counts
  ASSERT_TRUE(journal_->Save().ok());
  OpenBoth();
  EXPECT_EQ(*journal_->Find(1000, 1000), 5u);
}

TEST_F(JournalTest, WorkOfOthersIsBegunAnewAndSaidSo) {
  const struct {
    std::string JournalIdentity::*part;
    const char* said;
  } kCases[] = {{&JournalIdentity::program, "another version"},
                {&JournalIdentity::source, "another source"},
                {&JournalIdentity::plan, "other options"}};
  for (const auto& c : kCases) {
    WriteThree();
    (identity_.*c.part)[0] = identity_.*c.part < std::string("d") ? 'd' : 'e';
    OpenBoth();
    EXPECT_EQ(NumFound(), 0u);
    EXPECT_THAT(journal_->note(), HasSubstr(c.said));
    EXPECT_THAT(journal_->note(), HasSubstr("starting again"));
    OpenBoth();  // nothing of the old records comes back
    EXPECT_EQ(NumFound(), 0u);
  }
}

TEST_F(JournalTest, APartialFileOfAnotherSizeIsNotContinued) {
  WriteThree();
  journal_.reset();
  file_.reset();
  ASSERT_EQ(truncate((path_ + ".partial").c_str(), 3500), 0);
  OpenBoth();
  EXPECT_EQ(NumFound(), 0u);
  EXPECT_THAT(journal_->note(), HasSubstr("starting again"));
}

TEST_F(JournalTest, RecordsBeyondTheFileAreNotBelieved) {
  OpenBoth();
  const std::string bytes(100, 'x');
  const auto span = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), 100);
  journal_->Written(kFileBytes - 50, span, 0);
  journal_->Written(~uint64_t{0} - 10, span, 0);
  ASSERT_TRUE(journal_->Save().ok());
  OpenBoth();
  EXPECT_EQ(journal_->resumed_bytes(), 0u);
}

TEST_F(JournalTest, AnotherFileOfThatNameIsLeftAlone) {
  Spill(path_ + ".journal", "my diary");
  auto file = OutputFile::Create(path_, kFileBytes, {false, true});
  ASSERT_TRUE(file.ok()) << file.status();
  const auto journal = Journal::Open(file->get(), identity_, 1, nullptr);
  EXPECT_THAT(std::string(journal.status().message()), HasSubstr("move it away"));
  RemoveJournal(path_);
  EXPECT_EQ(Slurp(path_ + ".journal"), "my diary");
}

TEST_F(JournalTest, IsRemoved) {
  WriteThree();
  RemoveJournal(path_);
  EXPECT_FALSE(Exists(path_ + ".journal"));
}

}  // namespace
}  // namespace gguf
