#include "tools/job/job_file.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JobFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "job_file_test_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    for (const char* name : {"model.gguf", "other.gguf", "imatrix.gguf", "special.gguf", "text"}) {
      std::ofstream(absl::StrCat(folder_, "/", name)) << name;
    }
  }

  absl::StatusOr<JobFile> Read(const std::string& text) {
    std::ofstream(folder_ + "/job") << text;
    return ReadJobFile(folder_ + "/job");
  }
  std::string ErrorOf(const std::string& text) {
    return std::string(Read(text).status().message());
  }

  std::string folder_;
};

TEST_F(JobFileTest, OutputsTakeFromTheJobWhatTheyDoNotSay) {
  const auto file = Read(R"(
      source: "model.gguf"
      imatrix: "imatrix.gguf"
      options { effort: "max" pure: true tensor_type: "a=q8_0" prune_layer: 3 }
      limits { max_tensor_error: 0.5 max_size: "1GiB" }
      output { type: "Q4_0" path: "a" }
      output {
        type: "Q5_0" path: "/b" source: "other.gguf" imatrix: "special.gguf"
        options { effort: "reference" pure: false tensor_type: "b=q6_k" prune_layer: 4 }
        limits { max_size: "2GiB" }
      })");
  ASSERT_TRUE(file.ok()) << file.status();
  const auto& first = file->job.output(0);
  EXPECT_EQ(first.source(), folder_ + "/model.gguf");
  EXPECT_EQ(first.path(), folder_ + "/a");
  EXPECT_EQ(first.options().effort(), "max");
  EXPECT_EQ(first.limits().max_size(), "1GiB");
  const auto& second = file->job.output(1);
  EXPECT_EQ(second.source(), folder_ + "/other.gguf");
  EXPECT_EQ(second.imatrix(), folder_ + "/special.gguf");
  EXPECT_EQ(second.path(), "/b");
  EXPECT_EQ(second.options().effort(), "reference");
  EXPECT_FALSE(second.options().pure());
  EXPECT_THAT(second.options().tensor_type(), ElementsAre("b=q6_k", "a=q8_0"));
  EXPECT_THAT(second.options().prune_layer(), ElementsAre(3, 4));
  EXPECT_EQ(second.limits().max_tensor_error(), 0.5);
  EXPECT_EQ(second.limits().max_size(), "2GiB");
  EXPECT_THAT(file->imatrix_names, ElementsAre("imatrix.gguf", "special.gguf"));
  EXPECT_THAT(file->lines, ElementsAre(6, 7));
}

TEST_F(JobFileTest, ATowerTakesWhatTowersHeed) {
  const auto file = Read(R"(
      source: "model.gguf" imatrix: "imatrix.gguf"
      options { effort: "max" pure: true }
      limits { max_kl_divergence: 1 text: "text" max_size: "1GiB" }
      output { type: "Q8_0" path: "a" mmproj: true })");
  ASSERT_TRUE(file.ok()) << file.status();
  const auto& tower = file->job.output(0);
  EXPECT_EQ(tower.options().effort(), "max");
  EXPECT_FALSE(tower.options().has_pure());
  EXPECT_EQ(tower.imatrix(), "");
  EXPECT_FALSE(tower.limits().has_max_kl_divergence());
  EXPECT_EQ(tower.limits().max_size(), "1GiB");
}

TEST_F(JobFileTest, ErrorsSayWhere) {
  EXPECT_THAT(ErrorOf("source: \"model.gguf\"\nouput { }"), HasSubstr("/job:2:"));
  EXPECT_THAT(ErrorOf("source: \"model.gguf\"\n\noutput { type: \"Q4_0\" path: \"a\" }\n"
                      "output { type: \"Q4_9\" path: \"b\" }"),
              HasSubstr("/job:4: output '"));
  EXPECT_THAT(ErrorOf("source: 3"), HasSubstr("/job:1:9: "));
  EXPECT_THAT(ErrorOf(""), HasSubstr("no output"));
  EXPECT_THAT(
      ErrorOf("source: \"model.gguf\" imatrix: \"none\" output { type: \"Q4_0\" path: \"a\" }"),
      HasSubstr("/none'"));
}

TEST_F(JobFileTest, LimitsThatNothingObeysAreRefused) {
  const std::string output = "source: \"model.gguf\" output { type: \"Q4_0\" path: \"a\" ";
  EXPECT_THAT(ErrorOf(output + "limits { chunks: 3 } }"), HasSubstr("not set"));
  EXPECT_THAT(ErrorOf(output + "} limits { text: \"text\" }"), HasSubstr("not set"));
  EXPECT_TRUE(Read(output + "limits { max_kl_divergence: 0.1 } } limits { text: \"text\" }").ok());
  EXPECT_TRUE(Read(output + "limits { text: \"text\" } } limits { max_kl_divergence: 0.1 }").ok());
  EXPECT_THAT(ErrorOf(output + "limits { max_kl_divergence: 0.1 base: \"text\" context: 9 } }"),
              HasSubstr("own windows"));
  EXPECT_THAT(ErrorOf(output + "limits { max_kl_divergence: 0.1 text: \"text\" context: 3 } }"),
              HasSubstr("expected 4 to"));
}

TEST_F(JobFileTest, AnOutputMayNotReplaceWhatIsRead) {
  EXPECT_THAT(ErrorOf("source: \"model.gguf\" imatrix: \"imatrix.gguf\" "
                      "output { type: \"Q4_0\" path: \"imatrix.gguf\" }"),
              HasSubstr("also an input"));
}

}  // namespace
}  // namespace gguf
