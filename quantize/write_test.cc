#include "quantize/write.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "gguf/keys.h"
#include "gguf/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/memory_source.h"
#include "quantize/plan_convert.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

class WriteTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "write_test_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    source_.mutable_metadata()->Set(keys::kGeneralArchitecture, "llama");
    for (int layer = 0; layer < 4; ++layer) {
      std::vector<float> values(64 * 256);
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = 0.001f * ((i * 37 + layer) % 251) - 0.1f;
      source_.Add("blk." + std::to_string(layer) + ".attn_v.weight", {64, 256}, std::move(values));
    }
    source_.Add("output_norm.weight", {256}, std::vector<float>(256, 1.0f));
  }

  Plan PlanOf(const char* type, const QuantizeOptions& options = QuantizeOptions()) {
    return *PlanQuantization(source_, *ParseRecipe(type), options, nullptr);
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  absl::StatusOr<WriteReport> Write(const std::vector<WriteRequest>& requests) {
    return WriteOutputs(source_, requests, options_);
  }

  std::string folder_;
  MemorySource source_;
  WriteOptions options_;
};

TEST_F(WriteTest, WritesVerifiesAndNames) {
  const Plan plan = PlanOf("Q8_0");
  options_.verify = true;
  const auto report = Write({{&plan, Path("a.gguf")}});
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->outputs[0].errors.size(), 5u);
  EXPECT_EQ(report->outputs[0].errors[0].max_abs_error, 0);  // the norm, copied
  EXPECT_GT(report->outputs[0].errors[1].rmse(), 0);
  EXPECT_LT(report->outputs[0].errors[1].relative_rmse(), 0.01);
  EXPECT_TRUE(GgufFile::Open(Path("a.gguf")).ok());
  EXPECT_FALSE(Exists(Path("a.gguf.partial")));
  struct stat info;
  ASSERT_EQ(stat(Path("a.gguf").c_str(), &info), 0);
  EXPECT_EQ(static_cast<uint64_t>(info.st_size), plan.file_bytes());
}

TEST_F(WriteTest, ShardsOpenAsOneModel) {
  QuantizeOptions options;
  options.split.max_tensors = 2;
  const Plan plan = PlanOf("Q4_0", options);
  ASSERT_EQ(plan.shards.size(), 3u);
  options_.verify = true;
  const auto report = Write({{&plan, Path("m.gguf")}});
  ASSERT_TRUE(report.ok()) << report.status();
  const auto model = GgufModel::Open(Path("m-00002-of-00003.gguf"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->tensors().size(), 5u);
}

TEST_F(WriteTest, KeepSplitFollowsTheInput) {
  source_.set_shard_of({0, 0, 1, 1, 2});
  QuantizeOptions options;
  options.keep_split = true;
  const Plan plan = PlanOf("Q4_0", options);
  ASSERT_EQ(plan.shards.size(), 3u);
  EXPECT_EQ(plan.shards[1].last - plan.shards[1].first, 2u);
  ASSERT_TRUE(Write({{&plan, Path("k.gguf")}}).ok());
  EXPECT_TRUE(GgufModel::Open(Path("k-00001-of-00003.gguf")).ok());
}

TEST_F(WriteTest, RefusesExistingDoubledAndInputNames) {
  const Plan plan = PlanOf("Q8_0");
  std::ofstream(Path("there.gguf")) << "precious";
  EXPECT_THAT(std::string(Write({{&plan, Path("there.gguf")}}).status().message()),
              HasSubstr("use --force"));
  EXPECT_THAT(
      std::string(Write({{&plan, Path("b.gguf")}, {&plan, Path("b.gguf")}}).status().message()),
      HasSubstr("{type}"));
  options_.replace = true;
  source_.set_input_paths({Path("there.gguf")});
  EXPECT_THAT(std::string(Write({{&plan, Path("there.gguf")}}).status().message()),
              HasSubstr("also an input"));
  std::string content;
  std::ifstream(Path("there.gguf")) >> content;
  EXPECT_EQ(content, "precious");
  source_.set_input_paths({});
  EXPECT_TRUE(Write({{&plan, Path("there.gguf")}}).ok());
}

TEST_F(WriteTest, LeavesNothingAfterAFailure) {
  const Plan plan = PlanOf("Q8_0");
  const std::atomic<bool> cancelled{true};
  options_.cancelled = &cancelled;
  EXPECT_TRUE(absl::IsCancelled(Write({{&plan, Path("c.gguf")}}).status()));
  EXPECT_FALSE(Exists(Path("c.gguf")));
  EXPECT_FALSE(Exists(Path("c.gguf.partial")));
}

TEST_F(WriteTest, WhatIsCheckedGetsItsNameOrIsRejectedOrGoes) {
  const Plan plan = PlanOf("Q8_0");
  options_.check = [&](size_t index, absl::Span<const std::string> paths,
                       absl::Span<const TensorError>) -> absl::StatusOr<std::vector<std::string>> {
    EXPECT_TRUE(GgufFile::Open(paths[0]).ok());  // complete
    if (index == 1) return std::vector<std::string>{"too bad"};
    return std::vector<std::string>();
  };
  const auto report = Write({{&plan, Path("good.gguf")},
                             {&plan, Path("bad.gguf")},
                             {&plan, Path("passing.gguf"), /*is_temporary=*/true}});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->outputs[0].misses.empty());
  EXPECT_EQ(report->outputs[1].misses.size(), 1u);
  EXPECT_TRUE(Exists(Path("good.gguf")));
  EXPECT_FALSE(Exists(Path("bad.gguf")));
  EXPECT_TRUE(GgufFile::Open(Path("bad.gguf.rejected")).ok());
  for (const char* name : {"passing.gguf", "passing.gguf.partial", "bad.gguf.partial"}) {
    EXPECT_FALSE(Exists(Path(name))) << name;
  }
  // A check that cannot be made leaves nothing.
  options_.check = [](size_t, absl::Span<const std::string>,
                      absl::Span<const TensorError>) -> absl::StatusOr<std::vector<std::string>> {
    return absl::UnavailableError("no");
  };
  EXPECT_TRUE(absl::IsUnavailable(Write({{&plan, Path("c.gguf")}}).status()));
  EXPECT_FALSE(Exists(Path("c.gguf")) || Exists(Path("c.gguf.partial")));
}

TEST_F(WriteTest, AResumedRunGoesOnAndEndsWithTheSameBytes) {
  const Plan plan = PlanOf("Q8_0");
  ASSERT_TRUE(Write({{&plan, Path("expected.gguf")}}).ok());
  const auto bytes = [&](const char* name) {
    std::ifstream file(Path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  // Stops after two tensors.
  class StopAfter : public ProgressListener {
   public:
    void Advance(uint64_t, absl::string_view) override { is_enough = ++count == 2; }
    void Skip(uint64_t) override { ++skipped; }
    std::atomic<bool> is_enough{false};
    int count = 0, skipped = 0;
  } stop;
  options_.resume = true;
  options_.progress = &stop;
  options_.cancelled = &stop.is_enough;
  EXPECT_TRUE(absl::IsCancelled(Write({{&plan, Path("r.gguf")}}).status()));
  EXPECT_TRUE(Exists(Path("r.gguf.partial")) && Exists(Path("r.gguf.journal")));
  stop.is_enough = false;
  std::vector<std::string> notes;
  options_.note = [&](const std::string& note) { notes.push_back(note); };
  const auto report = Write({{&plan, Path("r.gguf")}});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(stop.skipped, 2);
  EXPECT_EQ(stop.count, 5);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("are kept"));
  EXPECT_EQ(bytes("r.gguf"), bytes("expected.gguf"));
  EXPECT_FALSE(Exists(Path("r.gguf.journal")));
  const auto again = Write({{&plan, Path("r.gguf")}});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->outputs[0].was_complete);
}

TEST_F(WriteTest, AMemoryLimitTooSmallIsRefusedBeforeAnythingIsWritten) {
  const Plan plan = PlanOf("Q8_0");
  options_.memory_limit = 1 << 20;
  EXPECT_THAT(std::string(Write({{&plan, Path("d.gguf")}}).status().message()),
              HasSubstr("raise --memory-limit"));
  EXPECT_FALSE(Exists(Path("d.gguf.partial")));
}

}  // namespace
}  // namespace gguf
